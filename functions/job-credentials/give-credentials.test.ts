import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobRecord } from '../../shared/records/jobs.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { submitJob } from '../../shared/records/submit-job.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { giveCredentials } from './give-credentials.ts';

let api: LocalApi;
let job: JobRecord;
beforeAll(async () => {
  api = await openLocalApi();
  job = await submitJob(api.world, api.caller(), { kind: 'export', request: { kind: 'export' } });
});
afterAll(() => api.close());

const given: string[][] = [];
const deps = () => ({
  world: api.world,
  assume: (team: string, jobId: string) => Promise.resolve(`${given.push([team, jobId])}`),
});
const order = () => ({ team: job.team, jobId: job.id, runId: job.runId });

test('gives the run that has a job what is of its team', async () => {
  expect(await giveCredentials(deps(), order())).toMatchObject({ ok: true });
  expect(given).toEqual([[job.team, job.id]]);
});

test('tells the token for gated models to an import from Hugging Face, and to no other job', async () => {
  let asked = 0;
  const hubToken = async (): Promise<string> => `hf_${(asked += 1)}`;
  const importing = async (source: Record<string, string>): Promise<object> => {
    const request = { kind: 'import-base', base: 'b', baseId: 'bas_1', source };
    const made = await submitJob(api.world, api.caller(), { kind: 'import-base', request });
    return giveCredentials({ ...deps(), hubToken }, { team: made.team, jobId: made.id, runId: made.runId });
  };
  expect(await giveCredentials({ ...deps(), hubToken }, order())).not.toHaveProperty('hubToken');
  expect(await importing({ kind: 'upload' })).not.toHaveProperty('hubToken');
  expect(await giveCredentials({ ...deps(), hubToken }, { ...order(), runId: 'run_other' })).toMatchObject({
    ok: false,
  });
  expect(asked).toBe(0);
  const hub = { kind: 'huggingface', repository: 'o/n', revision: 'main' };
  expect(await importing(hub)).toMatchObject({ ok: true, hubToken: 'hf_1' });
  const none = { ...deps(), hubToken: async () => undefined };
  expect(await giveCredentials(none, order())).not.toHaveProperty('hubToken');
});

test('refuses all alike: other runs, other teams, unknown jobs, and what is no order', async () => {
  const known = given.length;
  const others = [
    { ...order(), runId: 'run_other' },
    { ...order(), team: 'red' },
    { ...order(), jobId: 'job_other' },
    { ...order(), team: '\u0000' },
    { ...order(), more: 1 },
    null,
  ];
  const answers = await Promise.all(others.map((other) => giveCredentials(deps(), other)));
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  expect(answers[0]).toMatchObject({ ok: false, code: 'no-such-run' });
  expect(given).toHaveLength(known);
});

test('what a run had is worth nothing once its job has ended', async () => {
  await changeJobRecord(api.world, api.caller(), job.id, { type: 'refuse', reason: 'a test' }, { ifRun: job.runId });
  expect(await giveCredentials(deps(), order())).toMatchObject({ ok: false, code: 'no-such-run' });
});
