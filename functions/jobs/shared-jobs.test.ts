import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { deleteAdapter } from '../../shared/contract/adapters.ts';
import { createComposition, getComposition } from '../../shared/contract/compositions.ts';
import { createJob, resumeJob } from '../../shared/contract/jobs.ts';
import type { JobRequest } from '../../shared/contract/job-requests.ts';
import { shareAdapter, unshareAdapter } from '../../shared/contract/shares.ts';
import { limits } from '../../shared/limits.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { addTeam } from '../../test/support/add-team.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { pushVersion, tinyAdapter } from '../../test/support/send-upload.ts';
import { storeDataset } from '../../test/support/stored-things.ts';

// Jobs are made and never run here.
let api: LocalApi;
let blue: ApiClient;
let red: ApiClient;
beforeAll(async () => {
  api = await openLocalApi();
  for (const team of ['red', 'empty']) await addTeam(api.world, team);
  [blue, red] = [await api.client('blue'), await api.client('red')];
  await putReadyBase(api.world, 'blue', 'tiny');
  await putReadyBase(api.world, 'red', 'small');
  await storeDataset(api.world, api.caller('red'), 'sums', [{ prompt: '1 + 1 =', completion: ' 2' }]);
  for (let n = 0; n <= limits.sharedVersionsMax; n++)
    await pushVersion(api, blue, `french-${n}`, { base: 'tiny', files: await tinyAdapter(n + 1) });
  await api.settle();
  for (let n = 0; n <= limits.sharedVersionsMax; n++) await share(`french-${n}`);
});
afterAll(() => api.close());

const share = (adapter: string, team = 'red') => blue.call(shareAdapter, { params: { adapter, team } });
const unshare = (adapter: string) => blue.call(unshareAdapter, { params: { adapter, team: 'red' } });
const start = (body: object, dryRun: 'true' | 'false' = 'false') =>
  red.call(createJob, { body: body as JobRequest, query: { dryRun } }); // what a caller may send
const evaluation = (adapter: string) => ({ kind: 'evaluate', base: 'small', adapter, dataset: 'sums' });
const compose = (name: string, adapters: readonly string[], by: ApiClient = red) =>
  by.call(createComposition, { body: { name, type: 'cat', members: adapters.map((adapter) => ({ adapter })) } });

test('jobs of every kind take a version that is shared, on the base that has its weights', async () => {
  const adapter = 'blue:french-0';
  await compose('both', [adapter]);
  const requests = [
    evaluation(adapter),
    { kind: 'generate', adapter, prompts: [{ prompt: 'Hi' }] },
    { kind: 'merge', adapter, output: { base: 'merged' } },
    { kind: 'export', adapter, format: 'peft' },
    {
      kind: 'train',
      base: 'small',
      dataset: 'sums',
      method: { kind: 'continue', adapter },
      output: { adapter: 'ours' },
    },
    { kind: 'compose', composition: 'both', output: { adapter: 'composed' } },
  ];
  for (const request of requests) {
    const { job } = await start(request);
    const { value } = await getJobRecord(api.world.table, 'red', job?.id ?? '');
    expect(value.inputs).toMatchObject({ base: { name: 'small' }, parents: [{ adapter, version: 1 }] });
    expect(value.shared).toMatchObject([{ adapter, team: 'blue', files: [{}, {}], roots: [] }]);
    expect(JSON.stringify(job)).not.toContain('"files":[{');
  }
});

test('without a base of these weights it is told to add one', async () => {
  await share('french-0', 'empty');
  const empty = await api.client('empty');
  const refused = compose('alone', ['blue:french-0'], empty);
  const finding = { code: 'no-such-base', where: 'members[0]', message: expect.stringContaining('SHA-256') as string };
  await expect(refused).rejects.toMatchObject({ code: 'composition', findings: [finding] });
  const body = { kind: 'generate' as const, adapter: 'blue:french-0', prompts: [{ prompt: 'Hi' }] };
  await expect(empty.call(createJob, { body })).rejects.toMatchObject({ code: 'no-such-base' });
});

test('what a job makes is of its own team', async () => {
  const output = { adapter: 'blue:french-0' };
  const refused = start({ kind: 'train', base: 'small', dataset: 'sums', output });
  await expect(refused).rejects.toMatchObject({ status: 400, code: 'invalid-request' });
});

test('a composition has as many members of others as a job may read, and not one more', async () => {
  const all = Array.from({ length: limits.sharedVersionsMax + 1 }, (_, n) => `blue:french-${n}`);
  await compose('fits', all.slice(1));
  const refused = compose('too-many', all);
  const finding = expect.objectContaining({ code: 'too-many-shared', where: 'members' }) as unknown;
  const findings = expect.arrayContaining([finding]) as unknown;
  await expect(refused).rejects.toMatchObject({ code: 'composition', findings });
});

test('once it is shared no more, nothing is made of it and nothing goes on from it', async () => {
  const adapter = 'blue:french-1';
  await compose('pinned', [adapter]);
  const { job } = await start(evaluation(adapter));
  const id = job?.id ?? '';
  await changeJobRecord(api.world, api.caller('red'), id, { type: 'cancel' });
  await unshare('french-1');
  const code = async (asked: Promise<unknown>): Promise<string> => {
    const error: unknown = await asked.catch((caught: unknown) => caught);
    return (error as { code: string }).code;
  };
  expect(await code(start(evaluation(adapter)))).toBe(await code(start(evaluation('blue:never'))));
  expect(await code(start({ kind: 'compose', composition: 'pinned', output: { adapter: 'x' } }))).toBe('not-found');
  expect(await code(red.call(resumeJob, { params: { job: id } }))).toBe('not-found');
  const { members } = await red.call(getComposition, { params: { composition: 'pinned' } });
  expect(members).toMatchObject([{ adapter }]);
});

test('a key with a prefix makes jobs of what has it', async () => {
  const bound = await api.client('red', { adapterPrefix: 'french-2' });
  const ask = (adapter: string) =>
    bound.call(createJob, { body: evaluation(adapter) as JobRequest, query: { dryRun: 'true' } });
  await ask('blue:french-2');
  await expect(ask('blue:french-0')).rejects.toMatchObject({ code: 'no-such-adapter' });
});

test('a deleted adapter is no input any more', async () => {
  await blue.call(deleteAdapter, { params: { adapter: 'french-3' } });
  await expect(start(evaluation('blue:french-3'))).rejects.toMatchObject({ code: 'no-such-adapter' });
});
