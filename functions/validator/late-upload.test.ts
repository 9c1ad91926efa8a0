import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createDataset, deleteDataset, getDataset } from '../../shared/contract/datasets.ts';
import { abortUpload, completeUpload, type Upload } from '../../shared/contract/uploads.ts';
import { beginUpload, getVersion, type Version } from '../../shared/contract/versions.ts';
import { limits } from '../../shared/limits.ts';
import { getUploadRecord, uploadWrite } from '../../shared/records/uploads.ts';
import { createBase, getBase } from '../../shared/contract/bases.ts';
import { changed } from '../../test/support/changed.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { announce, sendFiles, tinyAdapter, type NamedBytes } from '../../test/support/send-upload.ts';
import { createValidator } from './validator.ts';

let api: LocalApi;
let client: ApiClient;
beforeEach(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
});
afterEach(() => api.close());

/** The server has written that it is completed, and nothing else; then it is away for two weeks. */
async function completedAndAway({ id }: Upload): Promise<void> {
  const { value, revision } = await getUploadRecord(api.world.table, 'blue', id);
  await api.world.table.transact([uploadWrite({ ...value, state: 'completed' }, revision)], { token: id });
  api.pass(2 * limits.uploadKeptSeconds * 1000);
}

async function dropAllParts({ id }: Upload): Promise<void> {
  const { value } = await getUploadRecord(api.world.table, 'blue', id);
  for (const { blobKey, multipartId } of value.files) await api.world.blobs.abortMultipart(blobKey, multipartId);
}

async function sendVersion(files: NamedBytes): Promise<{ version: Version; upload: Upload }> {
  const body = { base: 'tiny', files: announce(files) };
  const begun = await client.call(beginUpload, { params: { adapter: 'late' }, body });
  await sendFiles(api, client, begun.upload, files);
  return begun;
}
const get = ({ id }: Version): Promise<Version> =>
  client.call(getVersion, { params: { adapter: 'late', version: id } });
const settled = async ({ id }: Upload): Promise<boolean> =>
  (await getUploadRecord(api.world.table, 'blue', id)).value.settled;

test('a version whose parts the store has dropped is rejected, whoever looks first, and its upload settled', async () => {
  const looks = [
    () => api.settle(),
    (upload: Upload) => client.call(completeUpload, { params: { upload: upload.id } }),
  ];
  for (const look of looks) {
    const { version, upload } = await sendVersion(await tinyAdapter());
    await completedAndAway(upload);
    await dropAllParts(upload);
    await look(upload);
    const { state, findings } = await get(version);
    expect([state, findings.map(({ code }) => code)]).toEqual(['rejected', ['upload-lost']]);
    expect(await settled(upload)).toBe(true);
  }
});

test('so are a dataset and a base', async () => {
  const bytes = new TextEncoder().encode('{"prompt":"a","completion":"b"}\n');
  const [file = { path: '', sizeBytes: 0, sha256: '' }] = announce({ 'rows.jsonl': bytes });
  const dataset = await client.call(createDataset, { body: { name: 'rows', file } });
  const base = await client.call(createBase, { body: { name: 'sent', source: { kind: 'upload', files: [file] } } });
  const uploads = [dataset, base].flatMap(({ upload }) => upload ?? []);
  for (const upload of uploads) {
    await completedAndAway(upload);
    await dropAllParts(upload);
  }
  await api.settle();
  expect(await Promise.all(uploads.map(settled))).toEqual([true, true]);
  const lost = { findings: [{ code: 'upload-lost' }] };
  expect(await client.call(getDataset, { params: { dataset: 'rows' } })).toMatchObject({ state: 'rejected', ...lost });
  expect(await client.call(getBase, { params: { base: 'sent' } })).toMatchObject({ state: 'failed', ...lost });
});

test('a draft that cannot be looked at through a bug of ours is rejected after some tries, not kept waiting', async () => {
  const { version, upload } = await sendVersion(await tinyAdapter());
  await completedAndAway(upload);
  const broken = { ...api.world.blobs, listParts: () => Promise.reject(new Error('a bug')) };
  const blobs = Object.assign(Object.create(api.world.blobs) as typeof api.world.blobs, broken);
  const errors: unknown[] = [];
  const inspect = () => Promise.reject(new Error('nothing comes this far'));
  const validator = createValidator(
    { world: { ...api.world, blobs }, inspect },
    { onError: (error) => errors.push(error) },
  );
  for (let i = 0; i < 4; i++) await validator.sweep();
  expect(errors).toHaveLength(3);
  expect(await get(version)).toMatchObject({ state: 'rejected', findings: [{ code: 'validator-failed' }] });
  expect(await settled(upload)).toBe(true);
});

test('parts of an upload that was given up by a server that died then go at the next look', async () => {
  const giveUps = [
    async ({ id }: Upload) => {
      await client.call(abortUpload, { params: { upload: id } });
    },
    async (_: Upload, name: string) => {
      await client.call(deleteDataset, { params: { dataset: name } });
    },
  ];
  for (const [at, giveUp] of giveUps.entries()) {
    const bytes = new TextEncoder().encode('{"prompt":"a","completion":"b"}\n');
    const [file = { path: '', sizeBytes: 0, sha256: '' }] = announce({ 'rows.jsonl': bytes });
    const { upload } = await client.call(createDataset, { body: { name: `rows-${at}`, file } });
    await sendFiles(api, client, upload, { 'rows.jsonl': bytes });
    const { value } = await getUploadRecord(api.world.table, 'blue', upload.id);
    const [{ blobKey, multipartId } = never()] = value.files;
    const { blobs } = api.world;
    const dead = changed(blobs, { abortMultipart: () => Promise.reject(new Error('killed')) });
    Object.assign(api.deps, { world: { ...api.world, blobs: dead } });
    await expect(giveUp(upload, `rows-${at}`)).rejects.toThrow();
    Object.assign(api.deps, { world: api.world });
    api.bugs.splice(0);
    expect(await blobs.listParts(blobKey, multipartId)).toHaveLength(1);
    expect(await settled(upload)).toBe(false);

    await api.settle();
    await expect(blobs.listParts(blobKey, multipartId)).rejects.toMatchObject({ code: 'no-such-upload' });
    expect(await settled(upload)).toBe(true);
  }
});

const never = (): never => {
  throw new Error('one file was announced');
};

test('a version whose parts are there is published, however long the server was away', async () => {
  const { version, upload } = await sendVersion(await tinyAdapter());
  await completedAndAway(upload);
  await api.settle();
  expect(await get(version)).toMatchObject({ state: 'published', version: 1 });
  expect(await settled(upload)).toBe(true);
});
