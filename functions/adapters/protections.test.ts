import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createAdapter, deleteAlias, getAdapter, rollbackAlias, setAlias } from '../../shared/contract/adapters.ts';
import { listAudit } from '../../shared/contract/audit.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { approveVersion, getProtection, protectAlias, unprotectAlias } from '../../shared/contract/protections.ts';
import { createServiceAccount } from '../../shared/contract/service-accounts.ts';
import type { World } from '../../shared/platform/ports.ts';
import { blobKeys } from '../../shared/records/blob-keys.ts';
import { newId } from '../../shared/records/commit.ts';
import { keys } from '../../shared/records/keys.ts';
import { jobWrite } from '../../shared/records/jobs.ts';
import { newJob } from '../../shared/records/submit-job.ts';
import type { DatasetRecord } from '../../shared/records/datasets.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { parentOf, publishMade } from '../../test/support/publish-made.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { pushVersion, tinyAdapter } from '../../test/support/send-upload.ts';
import { storeDataset } from '../../test/support/stored-things.ts';

let api: LocalApi;
let client: ApiClient;
let data: DatasetRecord;
let adapter = '';
let count = 0;
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue', 'tiny');
  const rows = ['a', 'b', 'c'].map((prompt) => ({ prompt, completion: prompt }));
  data = await storeDataset(api.world, api.caller(), 'held-out', rows);
});
afterAll(() => api.close());
beforeEach(async () => {
  adapter = `french-${++count}`;
  for (let n = 0; n < 2; n++) await publish();
});

const publish = () => publishMade(api.world, api.caller(), { adapter, base: 'tiny', lineage: { origin: 'train' } });
const at = () => ({ adapter, alias: 'production' });
const promote = (version: number, evaluation?: string, by: ApiClient = client) =>
  by.call(setAlias, { params: at(), body: { version, ...(evaluation === undefined ? {} : { evaluation }) } });
const refused = (code: string, message: RegExp) => ({
  status: 403,
  code: 'not-allowed-by-protection',
  findings: [{ code, where: 'production', message: expect.stringMatching(message) as string }],
});

/** An evaluation as its job leaves it. */
async function evaluated(
  version: Awaited<ReturnType<typeof publish>>,
  report: object,
  given: { readonly datasetId?: string; readonly state?: 'succeeded' | 'failed' } = {},
): Promise<string> {
  const world: World = api.world;
  const caller = api.caller();
  const job = newJob(world, caller, { kind: 'evaluate', request: { kind: 'evaluate' } });
  const { key, versionId } = await world.blobs.put(
    blobKeys.jobReport('blue', job.id),
    Buffer.from(JSON.stringify(report)),
  );
  const inputs = {
    parents: [parentOf(version)],
    datasets: [{ name: 'held-out', id: given.datasetId ?? data.id, sha256: '' }],
  };
  const done = { ...job, inputs, state: given.state ?? ('succeeded' as const), report: { key, versionId } };
  await world.table.transact([jobWrite(done)], { token: newId(world, 'tok') });
  return job.id;
}
const measured = (value: number) => ({ value, low: value, high: value });

test('what is protected is not moved by an upload that was begun before or after, and not removed', async () => {
  await client.call(createAdapter, { body: { name: `sent-${count}`, base: 'tiny' } });
  adapter = `sent-${count}`;
  const push = async (seed: number, aliases: string[]) => {
    await pushVersion(api, client, adapter, { base: 'tiny', files: await tinyAdapter(seed), aliases });
  };
  await push(1, ['production']);
  await api.settle();
  await push(2, ['production']);
  await client.call(protectAlias, { params: at(), body: {} });
  await expect(push(3, ['production'])).rejects.toMatchObject({ status: 403, code: 'alias-protected' });
  await api.settle();
  expect((await client.call(getAdapter, { params: { adapter } })).aliases).toEqual({ latest: 2, production: 1 });
  await expect(client.call(deleteAlias, { params: at() })).rejects.toMatchObject({ code: 'alias-protected' });
  expect(await promote(2)).toMatchObject({ version: 2 });
  await client.call(unprotectAlias, { params: at() });
  await client.call(unprotectAlias, { params: at() });
  await expect(client.call(getProtection, { params: at() })).rejects.toMatchObject({ status: 404 });
  await client.call(deleteAlias, { params: at() });
});

test('with an approval it takes two keys, and the second one may be the approver of something else', async () => {
  await client.call(protectAlias, { params: at(), body: { approval: true } });
  await expect(promote(1)).rejects.toMatchObject(refused('not-approved', /nobody else has approved version 1/));
  await client.call(approveVersion, { params: at(), body: { version: 1 } });
  await expect(promote(1)).rejects.toMatchObject(refused('not-approved', /version 1/));
  const other = await api.client('blue', { scopes: ['aliases:promote'] });
  await other.call(approveVersion, { params: at(), body: { version: 2 } });
  await expect(promote(1)).rejects.toMatchObject(refused('not-approved', /version 1/));
  expect(await promote(1, undefined, other)).toMatchObject({ version: 1 });
  expect(await promote(2)).toMatchObject({ version: 2 });
  const back = await client.call(rollbackAlias, { params: at(), body: {} });
  expect(back).toMatchObject({ version: 1 });
});

test('all keys of a service account are one approver, also where an earlier release has noted the key alone', async () => {
  const serviceAccount = `ci-${count}`;
  await client.call(createServiceAccount, { body: { name: serviceAccount, role: 'maintainer' } });
  const [first, second] = [await api.client('blue', { serviceAccount }), await api.client('blue', { serviceAccount })];
  await client.call(protectAlias, { params: at(), body: { approval: true } });
  const approval = await first.call(approveVersion, { params: at(), body: { version: 1 } });
  const alone = refused('not-approved', /nobody else has approved version 1/);
  await expect(promote(1, undefined, second)).rejects.toMatchObject(alone);
  const { id } = await client.call(getAdapter, { params: { adapter } });
  const key = keys.approval('blue', id, 'production', 1, approval.approvedBy);
  await api.world.table.put({ key, value: approval });
  await expect(promote(1, undefined, second)).rejects.toMatchObject(alone);
  expect(await promote(1)).toMatchObject({ version: 1 });
});

test('with a gate it takes an evaluation of this version, on all rows, that has shown the figure', async () => {
  const version = await publish();
  const gate = { metric: 'loss' as const, max: 1.5, dataset: 'held-out' };
  const set = await client.call(protectAlias, { params: at(), body: { gate } });
  expect(set).toMatchObject({ gate: { datasetId: data.id, rows: 3 } });
  const good = { rows: 3, loss: measured(1.5) };
  const attempts: [string | undefined, RegExp][] = [
    [undefined, /name an evaluation of version 3/],
    ['job_none', /is no evaluation that has succeeded/],
    [await evaluated(version, good, { state: 'failed' }), /is no evaluation that has succeeded/],
    [await evaluated(await publish(), good), /has evaluated something else/],
    [await evaluated(version, good, { datasetId: 'dat_other' }), /was not on the dataset/],
    [await evaluated(version, { ...good, rows: 2 }), /has used 2 of the 3 rows/],
    [await evaluated(version, { rows: 3, loss: measured(1.500001) }), /its loss is 1\.500001; wanted is at most 1\.5/],
    [await evaluated(version, { rows: 3 }), /its loss is NaN/],
  ];
  for (const [job, message] of attempts)
    await expect(promote(3, job)).rejects.toMatchObject(refused('gate-not-passed', message));
  expect(await promote(3, await evaluated(version, good))).toMatchObject({ version: 3 });
});

test('all that is missing is told at once, and what was refused is in the audit', async () => {
  const gate = { metric: 'exactMatch' as const, min: 0.9, dataset: 'held-out' };
  await client.call(protectAlias, { params: at(), body: { gate, approval: true } });
  const key = await api.client('blue', { scopes: ['aliases:promote'] });
  await expect(promote(2, undefined, key)).rejects.toMatchObject({
    findings: [{ code: 'not-approved' }, { code: 'gate-not-passed' }],
  });
  const { items } = await client.call(listAudit, { query: { outcome: 'denied', action: 'setAlias', limit: 100 } });
  expect(items.filter(({ resource }) => resource.includes(adapter))).toMatchObject([
    { detail: { code: 'not-allowed-by-protection' } },
  ]);
  const { items: rules } = await client.call(listAudit, {
    query: { action: 'alias.protect', resource: `adapters/${adapter}` },
  });
  expect(rules).toMatchObject([{ detail: { from: null, to: { approval: true } } }]);
});

test('a gate without a bound, of no dataset, and a protection of latest are refused', async () => {
  const protect = (body: object, alias = 'production') =>
    client.call(protectAlias, { params: { adapter, alias }, body });
  await expect(protect({ gate: { metric: 'loss', dataset: 'held-out' } })).rejects.toMatchObject({ status: 400 });
  await expect(protect({ gate: { metric: 'loss', max: 1, dataset: 'none' } })).rejects.toMatchObject({
    code: 'no-such-dataset',
  });
  await expect(protect({}, 'latest')).rejects.toMatchObject({ code: 'alias-reserved' });
  await expect(client.call(approveVersion, { params: at(), body: { version: 1 } })).rejects.toMatchObject({
    code: 'not-protected',
  });
});
