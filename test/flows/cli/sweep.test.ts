import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job } from '../../../shared/contract/jobs.ts';
import { openCliWorld, type CliWorld } from '../../support/lorary-cli.ts';

let cli: CliWorld;
beforeAll(async () => {
  cli = await openCliWorld();
  const rows = Array.from({ length: 30 }, (_, i) => ({ prompt: `${i} + 1 =`, completion: ` ${i + 1}` }));
  await writeFile(join(cli.folder, 'plus.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
});
afterAll(() => cli.close());

const sweep = ['sweep', '--base', 'tiny', '--data', 'plus.jsonl', '--steps', '2', '--r', '1', '--r', '2'];

test('with the name of a base each run is a job of the server, and the best becomes a version', async () => {
  const dry = await cli.json<{ job: null; estimate: { steps: number } }>([...sweep, '--dry-run']);
  expect(dry).toMatchObject({ job: null, estimate: { steps: 4 } });
  const { code, out, err } = await cli.run(sweep);
  expect({ code, err }).toEqual({ code: 0, err });
  expect(err).toMatch(/^--learning-rate 0\.002: \S/m);
  expect(out).toMatch(/rank +run +r .*\n.*run-0[12].*2 runs in .*the best is run-0[12] \(job_\w+\), plus@1/s);
  const { jobs } = await cli.json<{ jobs: Job[] }>(['jobs', '--kind', 'sweep']);
  expect(jobs).toMatchObject([{ state: 'succeeded', output: { adapter: 'plus', version: 1 } }]);
}, 90_000);
