import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { submitJob } from '../../shared/records/submit-job.ts';
import { sharedInput, type JobRecord } from '../../shared/records/jobs.ts';
import { shareAdapter, unshareAdapter } from '../../shared/contract/shares.ts';
import { addTeam } from '../../test/support/add-team.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { publishMade } from '../../test/support/publish-made.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { giveCredentials } from './give-credentials.ts';

let api: LocalApi;
let job: JobRecord;
beforeAll(async () => {
  api = await openLocalApi();
  job = await submitJob(api.world, api.caller(), { kind: 'export', request: { kind: 'export' } });
});
afterAll(() => api.close());

const given: unknown[][] = [];
const deps = () => ({
  world: api.world,
  assume: (...asked: unknown[]) => Promise.resolve(`${given.push(asked)}`),
});
const order = () => ({ team: job.team, jobId: job.id, runId: job.runId });

test('gives the run that has a job what is of its team', async () => {
  expect(await giveCredentials(deps(), order())).toMatchObject({ ok: true });
  expect(given).toEqual([[job.team, job.id, []]]);
});

test('opens the versions of other teams that the job reads and that are shared now, whatever else its record says', async () => {
  const { world } = api;
  await addTeam(world, 'red');
  await putReadyBase(world, 'blue', 'tiny');
  const publish = (adapter: string) =>
    publishMade(world, api.caller('blue'), { adapter, base: 'tiny', lineage: { origin: 'train' } });
  const versions = [await publish('shared'), await publish('kept')];
  const blue = await api.client('blue');
  const params = { adapter: 'shared', team: 'red' };
  await blue.call(shareAdapter, { params });
  // as a container that was taken over may write it
  const [open, kept] = versions.map((version) => sharedInput({ ...version, adapter: `blue:${version.adapter}` }));
  if (!open || !kept) throw new Error('there are two');
  const astray = { ...open, versionId: kept.versionId };
  const shared = [open, kept, astray, { ...open, adapter: 'shared' }];
  const made = await submitJob(world, api.caller('red'), { kind: 'export', request: { kind: 'export' }, shared });
  const placesFor = async (): Promise<unknown> => {
    await giveCredentials(deps(), { team: 'red', jobId: made.id, runId: made.runId });
    return given.at(-1)?.[2];
  };
  expect(await placesFor()).toEqual([`blue/versions/${open.versionId}/`]);
  await blue.call(unshareAdapter, { params });
  expect(await placesFor()).toEqual([]);
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
