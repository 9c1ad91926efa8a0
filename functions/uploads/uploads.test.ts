import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApiClient, type ApiClient } from '../../shared/contract/api-client.ts';
import { abortUpload, completeUpload, getUpload, signUploadParts, type Upload } from '../../shared/contract/uploads.ts';
import { beginUpload, getVersion } from '../../shared/contract/versions.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { changed } from '../../test/support/changed.ts';
import { allHandlers } from '../dev-server/all-handlers.ts';
import { createApi } from '../http/create-api.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { announce, sendFiles, sha256Hex, tinyAdapter, type NamedBytes } from '../../test/support/send-upload.ts';

let api: LocalApi;
let client: ApiClient;
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
});
afterAll(() => api.close());

async function begin(adapter: string, files: NamedBytes): Promise<Upload> {
  const body = { base: 'tiny', files: announce(files) };
  return (await client.call(beginUpload, { params: { adapter }, body })).upload;
}
const complete = ({ id }: Upload): Promise<Upload> => client.call(completeUpload, { params: { upload: id } });
const abort = ({ id }: Upload) => client.call(abortUpload, { params: { upload: id } });
const sign = ({ id }: Upload, path: string, parts: { number: number; sizeBytes: number; sha256: string }[]) =>
  client.call(signUploadParts, { params: { upload: id }, body: { path, parts } });
const zeros = '0'.repeat(64);

test('parts that are not those of the file are refused, all at once', async () => {
  const files = await tinyAdapter();
  const upload = await begin('mismatch', files);
  const size = files['adapter_config.json']?.byteLength ?? 0;
  const wrong = [
    { number: 1, sizeBytes: size + 1, sha256: zeros },
    { number: 2, sizeBytes: 1, sha256: zeros },
  ];
  await expect(sign(upload, 'adapter_config.json', wrong)).rejects.toMatchObject({
    code: 'part-mismatch',
    findings: [{ where: 'part 1' }, { where: 'part 2' }],
  });
  await expect(sign(upload, 'other.json', wrong.slice(0, 1))).rejects.toMatchObject({ code: 'part-mismatch' });
});

test('the store refuses other bytes than those that were signed for', async () => {
  const files = await tinyAdapter();
  const upload = await begin('other-bytes', files);
  const bytes = Buffer.from(files['adapter_config.json'] ?? []);
  const { parts } = await sign(upload, 'adapter_config.json', [
    { number: 1, sizeBytes: bytes.byteLength, sha256: sha256Hex(bytes) },
  ]);
  const [part] = parts;
  if (!part) throw new Error('one part was signed');
  const put = async (body: Buffer, url = part.url, headers = part.headers): Promise<number> =>
    (await api.fetch(url, { method: 'PUT', headers, body })).status;
  expect(await put(Buffer.from(bytes).fill(0x20))).toBe(400);
  expect(await put(bytes.subarray(1))).toBe(400);
  expect(await put(bytes, part.url.replace('/parts/', '/parts/0'))).toBe(403);
  expect(await put(bytes, part.url, {})).toBe(403);
  expect((await client.call(getUpload, { params: { upload: upload.id } })).files[0]?.received).toEqual([]);
  expect(await put(bytes)).toBe(200);
});

test('what has not arrived is named for every file, and the upload stays open', async () => {
  const files = await tinyAdapter();
  const upload = await begin('incomplete', files);
  await expect(complete(upload)).rejects.toMatchObject({
    status: 409,
    code: 'upload-incomplete',
    findings: [{ where: 'adapter_config.json' }, { where: 'adapter_model.safetensors' }],
  });
  await sendFiles(api, client, upload, files);
  expect((await complete(upload)).state).toBe('completed');
});

test('an upload that is given up takes its version with it; a completed one is not given up', async () => {
  const files = await tinyAdapter();
  const upload = await begin('given-up', files);
  await sendFiles(api, client, upload, files);
  await abort(upload);
  await abort(upload);
  const closed = { status: 409, code: 'upload-closed' };
  await expect(complete(upload)).rejects.toMatchObject(closed);
  await expect(sign(upload, 'adapter_config.json', [{ number: 1, sizeBytes: 1, sha256: zeros }])).rejects.toMatchObject(
    closed,
  );
  const versionId = upload.target.kind === 'adapter' ? upload.target.versionId : '';
  const version = await client.call(getVersion, { params: { adapter: 'given-up', version: versionId } });
  expect(version).toMatchObject({ state: 'rejected', findings: [{ code: 'upload-aborted' }] });
  const done = await begin('done', files);
  await sendFiles(api, client, done, files);
  await complete(done);
  await expect(abort(done)).rejects.toMatchObject(closed);
});

test('nothing more is sent to an upload whose time is over', async () => {
  const files = await tinyAdapter();
  const upload = await begin('late', files);
  await sendFiles(api, client, upload, files);
  api.pass(7 * 24 * 3_600_000);
  await expect(complete(upload)).rejects.toMatchObject({ code: 'upload-closed' });
});

test('completing again and again, also at once, gives one version', async () => {
  const files = await tinyAdapter();
  const upload = await begin('repeated', files);
  await sendFiles(api, client, upload, files);
  const answers = await Promise.all(Array.from({ length: 8 }, () => complete(upload)));
  await api.settle();
  answers.push(await complete(upload));
  expect(new Set(answers.map(({ state }) => state))).toEqual(new Set(['completed']));
  const version = await client.call(getVersion, { params: { adapter: 'repeated', version: '1' } });
  expect(version.state).toBe('published');
});

test('a file of several parts goes on where it was, in any order', async () => {
  const [config] = Object.entries(await tinyAdapter());
  if (!config) throw new Error('an adapter has a config');
  const large = Buffer.alloc(2 * limits.uploadPartBytes + 5, 7);
  const files = { [config[0]]: config[1], 'adapter_model.safetensors': large };
  const upload = await begin('parts', files);
  expect(upload.files.map(({ parts }) => parts)).toEqual([1, 3]);
  const path = 'adapter_model.safetensors';
  const send = async (number: number): Promise<void> => {
    const piece = large.subarray((number - 1) * upload.partSizeBytes, number * upload.partSizeBytes);
    const part = { number, sizeBytes: piece.byteLength, sha256: sha256Hex(piece) };
    const [signed] = (await sign(upload, path, [part])).parts;
    if (!signed) throw new Error('one part was signed');
    expect((await api.fetch(signed.url, { method: 'PUT', headers: signed.headers, body: piece })).status).toBe(200);
  };
  await send(3);
  await send(1);
  const open = await client.call(getUpload, { params: { upload: upload.id } });
  expect(open.files[1]?.received.map(({ number }) => number)).toEqual([1, 3]);
  await send(2);
  await sendFiles(api, client, upload, { [config[0]]: config[1] });
  expect((await complete(upload)).state).toBe('completed');
});

test('an upload whose beginning was written and not answered is found by the same call again, with room for its parts', async () => {
  const { world } = api;
  let isLossy = true;
  // what is written is written, and the store is away from then on
  const table = changed(world.table, {
    async transact(writes, options) {
      await world.table.transact(writes, options);
      if (isLossy) throw new UnavailableError('lost');
    },
  });
  const lossy = createApi({ world: { ...world, table } }, allHandlers);
  const files = await tinyAdapter(7);
  const same = { params: { adapter: 'lost' }, body: { base: 'tiny', files: announce(files) }, idempotencyKey: 'same' };
  const url = 'http://127.0.0.1:7411';
  const wait = async (): Promise<void> => void (isLossy = false);
  const key = await api.key('blue');
  const patient = createApiClient({
    url,
    key,
    newId: () => 'never',
    wait,
    fetch: async (input, init) => lossy.fetch(new Request(input, init)),
  });
  const { upload } = await patient.call(beginUpload, same);
  await sendFiles(api, client, upload, files);
  expect((await complete(upload)).state).toBe('completed');
});
