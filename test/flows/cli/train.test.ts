import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job } from '../../../shared/contract/jobs.ts';
import type { Version } from '../../../shared/contract/versions.ts';
import { openCliWorld, resultOf, type CliWorld } from '../../support/lorary-cli.ts';

let cli: CliWorld;
beforeAll(async () => {
  cli = await openCliWorld();
  const rows = Array.from({ length: 40 }, (_, i) => ({ prompt: `${i} and ${i} is`, completion: ` ${2 * i}.` }));
  await writeFile(join(cli.folder, 'Sums of 2.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  await writeFile(join(cli.folder, 'broken.jsonl'), '{"prompt":"a","completion":"b"}\nnothing\n{"other":1}\n');
});
afterAll(() => cli.close());

const rows = 'Sums of 2.jsonl';
const train = (...more: string[]): string[] => ['train', '--base', 'tiny', '--data', rows, ...more];

/** Waits until a child has written a text on standard error. */
const said = (child: ChildProcess, text: RegExp): Promise<void> =>
  new Promise((resolve, reject) => {
    let err = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      err += bytes.toString();
      if (text.test(err)) resolve();
    });
    child.on('close', () => reject(new Error(`it ended without saying ${text}: ${err}`)));
  });

test('what is wrong is told before anything runs, by the names of the flags', async () => {
  const settings = await cli.run(train('--learning-rate', '-1', '--eval-fraction', '2'));
  expect(settings).toMatchObject({ code: 2, out: '' });
  expect(settings.err).toMatch(/--eval-fraction: is 2/);
  expect(settings.err).toMatch(/--learning-rate: is -1/);
  const base = await cli.run(['train', '--base', 'tyni', '--data', rows]);
  expect(base).toMatchObject({ code: 2 });
  expect(base.err).toContain('did you mean "tiny"?');
  const data = await cli.run(['train', '--base', 'tiny', '--data', 'broken.jsonl']);
  expect(data).toMatchObject({ code: 2 });
  expect(data.err).toMatch(/:2: .*\n.*:3: /s);
  expect((await cli.run(['train', '--base', 'tiny', '--data', 'none.jsonl'])).err).toContain(
    'There is no file none.jsonl',
  );
});

test('an estimate makes no job', async () => {
  const dry = await cli.json<{ job: null; estimate: { steps: number } }>(train('--dry-run', '--steps', '7'));
  expect(dry).toMatchObject({ job: null, estimate: { steps: 7 } });
  const { jobs } = await cli.json<{ jobs: Job[] }>(['jobs', '--kind', 'train']);
  expect(jobs).toEqual([]);
});

test('with rows and a base alone, the rest is chosen and told, and a version comes out', async () => {
  const { code, out, err } = await cli.run(train());
  expect({ code, err }).toEqual({ code: 0, err });
  for (const flag of [
    '--output sums-of-2',
    '--r 8',
    '--lora-alpha 16',
    '--learning-rate 0.002',
    '--epochs 10',
    '--eval-fraction 0.1',
  ])
    expect(err).toMatch(new RegExp(`^${flag}: \\S`, 'm'));
  expect(out).toMatch(/Trained \d+ steps.*Held-out loss.*sums-of-2@1 is published/s);
});

test('going on from a name makes the next version of it, on its base', async () => {
  const { code, out, err } = await cli.run(['train', '--from', 'sums-of-2@1', '--data', rows, '--steps', '3']);
  expect({ code, err }).toEqual({ code: 0, err });
  expect(err).toMatch(/^--output sums-of-2: a new version/m);
  expect(err).not.toMatch(/^--(r|lora-alpha) /m);
  expect(out).toMatch(/sums-of-2@2 is published/s);
  const { version } = await cli.json<{ version: Version }>(['show', 'sums-of-2@2']);
  expect(version.lineage.parents).toMatchObject([{ adapter: 'sums-of-2', version: 1 }]);
  const full = await cli.run(train('--full', '--from', 'sums-of-2'));
  expect(full).toMatchObject({ code: 2 });
  expect(full.err).toContain('--from');
});

test('Ctrl-C leaves a job running; it is cancelled, resumed to its end, and its log is there', async () => {
  const child = cli.spawn(train('--output', 'long', '--steps', '300', '--checkpoint-seconds', '1'));
  const result = resultOf(child);
  await said(child, /step \d+\/300|held-out loss/);
  child.kill('SIGINT');
  const { code, err } = await result;
  expect(code).toBe(75);
  const id = /lorary watch (job_\w+)/.exec(err)?.[1] ?? '';
  expect(err).toContain(`End it with: lorary cancel ${id}`);
  expect((await cli.json<{ job: Job }>(['jobs', id])).job.state).toBe('running');

  expect((await cli.run(['cancel', id])).out).toContain(`lorary resume ${id}`);
  const watched = await cli.run(['watch', id]);
  expect(watched).toMatchObject({ code: 75, out: '' });
  expect(watched.err).toContain('was cancelled');
  const resumed = await cli.json<{ job: Job }>(['resume', id]);
  expect(resumed.job).toMatchObject({ id, state: 'succeeded', output: { adapter: 'long', version: 1 } });
  const logs = await cli.run(['logs', id]);
  expect(logs.out).toMatch(/running.*cancelled.*succeeded/s);
});
