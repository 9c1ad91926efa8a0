import { afterEach, beforeEach, expect, test } from 'vitest';
import { deleteAdapter } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createBase, deleteBase, getBase } from '../../shared/contract/bases.ts';
import { createComposition, deleteComposition } from '../../shared/contract/compositions.ts';
import { createDataset, deleteDataset, getDataset } from '../../shared/contract/datasets.ts';
import { cancelJob, createJob } from '../../shared/contract/jobs.ts';
import { completeUpload } from '../../shared/contract/uploads.ts';
import { getVersion, listVersionFiles } from '../../shared/contract/versions.ts';
import { limits } from '../../shared/limits.ts';
import { blobPrefixes } from '../../shared/records/blob-keys.ts';
import { findPinnedBase, findPinnedDataset } from '../../shared/records/pinned-inputs.ts';
import { findPurge } from '../../shared/records/purges.ts';
import { findVersion } from '../../shared/records/versions.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { announce, pushVersion, sendFiles, tinyAdapter } from '../../test/support/send-upload.ts';
import { storeDataset } from '../../test/support/stored-things.ts';
import { sweepPurges } from './sweep-purges.ts';

let api: LocalApi;
let client: ApiClient;
const problems: unknown[] = [];
beforeEach(async () => {
  problems.length = 0;
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
});
afterEach(async () => {
  expect([...api.bugs, ...problems]).toEqual([]);
  await api.close();
});

/** Lets time pass, and all that is due by then go. */
async function later(seconds: number): Promise<void> {
  api.pass(seconds * 1000);
  // what one round makes due at once, the next one takes
  for (let round = 0; round < 2; round++)
    await sweepPurges(api.world, { log: (_, error) => void problems.push(error) });
}

async function keysUnder(prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of api.world.blobs.list(prefix)) keys.push(key.slice(prefix.length));
  return keys;
}
const ofVersion = (id: string): Promise<string[]> => keysUnder(blobPrefixes.version('blue', id));
const adapterFiles = ['checks.json', 'files/adapter_config.json', 'files/adapter_model.safetensors'];

async function published(adapter: string): Promise<string> {
  const { id } = await pushVersion(api, client, adapter, { aliases: ['production'] });
  await api.settle();
  return id;
}

const rows = [{ prompt: 'a', completion: 'b' }];

test('the bytes of a deleted adapter stay for a while, out of reach, and then go with all that led to them', async () => {
  const [gone, other] = [await published('gone'), await published('other')];
  await client.call(deleteAdapter, { params: { adapter: 'gone' } });
  // as if it had never been
  const missing = async (adapter: string): Promise<string> => {
    const response = await api.fetch(`http://127.0.0.1:7411/v1/adapters/${adapter}`, { headers });
    return (await response.text()).replaceAll(adapter, '').replace(/"requestId":"\w+"/, '');
  };
  const headers = { authorization: `Bearer ${await api.key('blue')}` };
  expect(await missing('gone')).toBe(await missing('never'));

  await later(limits.deletedKeptSeconds - 60);
  expect(await ofVersion(gone)).toEqual(adapterFiles);
  await later(120);
  expect(await ofVersion(gone)).toEqual([]);
  expect(await findVersion(api.world.table, 'blue', gone)).toBeUndefined();
  const left = await api.world.table.query({ partition: 'ACTIVE#purges', index: 'index1', limit: 10 });
  expect(left.records).toEqual([]);
  // nothing of anyone else
  expect(await ofVersion(other)).toEqual(adapterFiles);
  const files = await client.call(listVersionFiles, { params: { adapter: 'other', version: '1' } });
  expect(files.files).toHaveLength(2);
});

test('a name that was deleted and given again is not purged with the one before', async () => {
  await published('twice');
  await client.call(deleteAdapter, { params: { adapter: 'twice' } });
  const second = await published('twice');
  await later(2 * limits.deletedKeptSeconds);
  expect(await ofVersion(second)).toEqual(adapterFiles);
  expect(await client.call(getVersion, { params: { adapter: 'twice', version: 'production' } })).toMatchObject({
    id: second,
  });
});

test('a version that a composition pins is held until the composition is deleted', async () => {
  const [pinned, loose] = [await published('pinned'), await pushVersion(api, client, 'pinned')];
  await api.settle();
  const members = [{ adapter: 'pinned', version: '1' }];
  await client.call(createComposition, { body: { name: 'both', type: 'cat', members } });
  await client.call(deleteAdapter, { params: { adapter: 'pinned' } });
  await later(limits.deletedKeptSeconds + 60);
  for (let day = 0; day < 3; day++) await later(limits.purgeHeldSeconds + 60);
  expect(await ofVersion(pinned)).toEqual(adapterFiles);
  expect(await ofVersion(loose.id)).toEqual([]);
  // and it can still be composed
  const output = { adapter: 'composite' };
  const { job } = await client.call(createJob, { body: { kind: 'compose', composition: 'both', output } });
  expect(job?.inputs.parents?.map(({ versionId }) => versionId)).toEqual([pinned]);

  await client.call(deleteComposition, { params: { composition: 'both' } });
  for (let day = 0; day < 3; day++) await later(limits.purgeHeldSeconds + 60);
  // the job has not ended
  expect(await ofVersion(pinned)).toEqual(adapterFiles);
  await client.call(cancelJob, { params: { job: job?.id ?? '' } });
  await later(limits.purgeHeldSeconds + 60);
  expect(await ofVersion(pinned)).toEqual(adapterFiles);
  await later(limits.purgeHeldSeconds + 60);
  expect(await ofVersion(pinned)).toEqual([]);
});

test('a base and a dataset that a job reads are found by it after they were deleted, and go when it has ended', async () => {
  const base = await putReadyBase(api.world, 'blue', 'read');
  const dataset = await storeDataset(api.world, api.caller(), 'rows', rows);
  const body = { kind: 'evaluate', base: 'read', dataset: 'rows' } as const;
  const { job } = await client.call(createJob, { body });
  await client.call(deleteBase, { params: { base: 'read' } });
  await client.call(deleteDataset, { params: { dataset: 'rows' } });
  await expect(client.call(getBase, { params: { base: 'read' } })).rejects.toMatchObject({ status: 404 });
  await later(2 * limits.deletedKeptSeconds);
  const { table } = api.world;
  expect((await findPinnedBase(table, 'blue', base))?.files).toEqual(base.files);
  expect((await findPinnedDataset(table, 'blue', dataset))?.file).toEqual(dataset.file);
  expect(await keysUnder(blobPrefixes.base('blue', base.id))).toHaveLength(5);

  await client.call(cancelJob, { params: { job: job?.id ?? '' } });
  for (let day = 0; day < 2; day++) await later(limits.purgeHeldSeconds + 60);
  expect(await findPinnedBase(table, 'blue', base)).toBeUndefined();
  expect(await findPinnedDataset(table, 'blue', dataset)).toBeUndefined();
  expect(await keysUnder(blobPrefixes.base('blue', base.id))).toEqual([]);
  expect(await keysUnder(blobPrefixes.dataset('blue', dataset.id))).toEqual([]);
});

test('of a rejected version the bytes go after their time, the findings stay', async () => {
  const files = { ...(await tinyAdapter()), 'adapter_model.safetensors': new Uint8Array(100) };
  const { id } = await pushVersion(api, client, 'wrong', { files });
  await api.settle();
  const get = () => client.call(getVersion, { params: { adapter: 'wrong', version: id } });
  const { findings } = await get();
  await later(limits.rejectedKeptSeconds - 60);
  expect((await get()).files).toHaveLength(2);
  expect(await ofVersion(id)).toHaveLength(2);
  await later(120);
  const after = await get();
  expect(after).toMatchObject({ state: 'rejected', files: [] });
  expect(after.findings.slice(0, -1)).toEqual(findings);
  expect(after.findings.at(-1)?.code).toBe('files-gone');
  expect(await ofVersion(id)).toEqual([]);
});

test('so do those of a rejected dataset; one that is deleted before goes with what is deleted', async () => {
  const bytes = new TextEncoder().encode('{"prompt":1}\n');
  const ids: string[] = [];
  for (const name of ['kept', 'deleted']) {
    const [file = { path: '', sizeBytes: 0, sha256: '' }] = announce({ [`${name}.jsonl`]: bytes });
    const { dataset, upload } = await client.call(createDataset, { body: { name, file } });
    await sendFiles(api, client, upload, { [`${name}.jsonl`]: bytes });
    await client.call(completeUpload, { params: { upload: upload.id } });
    ids.push(dataset.id);
  }
  await api.settle();
  await client.call(deleteDataset, { params: { dataset: 'deleted' } });
  const [kept = '', deleted = ''] = ids.map((id) => blobPrefixes.dataset('blue', id));
  await later(limits.deletedKeptSeconds + 60);
  expect([await keysUnder(kept), await keysUnder(deleted)]).toEqual([['data.jsonl'], []]);
  await later(limits.rejectedKeptSeconds);
  expect([await keysUnder(kept), await keysUnder(deleted)]).toEqual([[], []]);
  const { state, findings } = await client.call(getDataset, { params: { dataset: 'kept' } });
  expect([state, findings.at(-1)?.code]).toEqual(['rejected', 'files-gone']);
});

test('a base whose import failed keeps its findings and is still there to be deleted', async () => {
  const [file = { path: '', sizeBytes: 0, sha256: '' }] = announce({ 'config.json': new TextEncoder().encode('{}') });
  const source = { kind: 'upload' as const, files: [file] };
  const { base, upload } = await client.call(createBase, { body: { name: 'sent', source } });
  if (!upload) throw new Error('it waits for its files');
  await sendFiles(api, client, upload, { 'config.json': new TextEncoder().encode('{}') });
  await client.call(completeUpload, { params: { upload: upload.id } });
  const { importJobId = '' } = await client.call(getBase, { params: { base: 'sent' } });
  await client.call(cancelJob, { params: { job: importJobId } });
  expect(await keysUnder(blobPrefixes.base('blue', base.id))).toEqual(['files/config.json']);
  await later(limits.rejectedKeptSeconds + 60);
  expect(await keysUnder(blobPrefixes.base('blue', base.id))).toEqual([]);
  expect(await client.call(getBase, { params: { base: 'sent' } })).toMatchObject({ state: 'failed', files: [] });
  await client.call(deleteBase, { params: { base: 'sent' } });
  expect((await findPurge(api.world.table, 'blue', base.id))?.value.why).toBe('deleted');
});
