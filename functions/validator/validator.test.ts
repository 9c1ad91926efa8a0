import { afterAll, beforeAll, expect, test } from 'vitest';
import { getAdapter } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { abortUpload, completeUpload, getUpload } from '../../shared/contract/uploads.ts';
import {
  beginUpload,
  getVersion,
  getVersionChecks,
  listVersionFiles,
  type Version,
} from '../../shared/contract/versions.ts';
import { getUploadRecord, uploadWrite } from '../../shared/records/uploads.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { factors, safetensorsBytes } from '../../test/support/memory-adapter.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { announce, pushVersion, sendFiles, sha256Hex, tinyAdapter } from '../../test/support/send-upload.ts';

let api: LocalApi;
let client: ApiClient;
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
});
afterAll(() => api.close());

const get = (adapter: string, { id }: Version): Promise<Version> =>
  client.call(getVersion, { params: { adapter, version: id } });
const codes = ({ findings }: Version): string[] => findings.map(({ code }) => code);

test('rejects a version with everything that is wrong with it, and the adapter stays without a version', async () => {
  const good = await tinyAdapter();
  const files = {
    ...good,
    'adapter_config.json': new TextEncoder().encode(
      '{"peft_type":"LORA","r":3,"target_modules":["q_proj"],"lora_alpha":1}',
    ),
    'adapter_model.safetensors': await safetensorsBytes(factors('model.layers.0.self_attn.q_proj', 2, 64, 192)),
  };
  const version = await pushVersion(api, client, 'wrong', { files });
  expect((await get('wrong', version)).state).toBe('validating');
  await api.settle();
  const rejected = await get('wrong', version);
  expect(rejected.state).toBe('rejected');
  expect(rejected.version).toBeNull();
  expect(codes(rejected).length).toBeGreaterThan(1);
  expect((await client.call(getAdapter, { params: { adapter: 'wrong' } })).versions).toBe(0);
});

test('rejects bytes that are not those that were announced', async () => {
  const files = await tinyAdapter(1);
  const body = { base: 'tiny', files: announce(await tinyAdapter(2)) };
  const { version, upload } = await client.call(beginUpload, { params: { adapter: 'other-bytes' }, body });
  await sendFiles(api, client, upload, files);
  await client.call(completeUpload, { params: { upload: upload.id } });
  await api.settle();
  expect(codes(await get('other-bytes', version))).toContain('hash-mismatch');
});

test('publishes a healthy version with its checks, moves latest and the aliases it asked for', async () => {
  const version = await pushVersion(api, client, 'healthy', { aliases: ['production'] });
  await api.settle();
  const published = await get('healthy', version);
  expect(published).toMatchObject({ state: 'published', version: 1, aliases: ['latest', 'production'] });
  expect(published.checks).toMatchObject({ peftType: 'LORA', effectiveModules: 1, ranks: [2], usable: true });
  const adapter = await client.call(getAdapter, { params: { adapter: 'healthy' } });
  expect(adapter).toMatchObject({ versions: 1, aliases: { latest: 1, production: 1 } });
  const checks = await client.call(getVersionChecks, { params: { adapter: 'healthy', version: 'production' } });
  expect(checks.modules).toHaveLength(1);
  expect(checks.servability.map(({ engine }) => engine)).toContain('vLLM');
});

test('what is fetched by its links is what was sent', async () => {
  const sent = await tinyAdapter();
  const { files } = await client.call(listVersionFiles, { params: { adapter: 'healthy', version: '1' } });
  for (const { path, url, headers, sha256 } of files) {
    const response = await api.fetch(url, { headers });
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(sha256Hex(bytes)).toBe(sha256);
    expect(Buffer.from(bytes).equals(sent[path] ?? new Uint8Array())).toBe(true);
  }
});

test('two versions that end at once get two numbers', async () => {
  const versions = [await pushVersion(api, client, 'twins'), await pushVersion(api, client, 'twins')];
  await api.settle();
  expect((await Promise.all(versions.map((v) => get('twins', v)))).map(({ version }) => version)).toEqual([1, 2]);
});

test('goes on with an upload whose server died after it was acknowledged', async () => {
  const files = await tinyAdapter();
  const { version, upload } = await client.call(beginUpload, {
    params: { adapter: 'died' },
    body: { base: 'tiny', files: announce(files) },
  });
  await sendFiles(api, client, upload, files);
  // the server has written that the upload is completed, has joined one file, and nothing else
  const { value, revision } = await getUploadRecord(api.world.table, 'blue', upload.id);
  const [first] = value.files;
  if (!first) throw new Error('an adapter has files');
  const parts = await api.world.blobs.listParts(first.blobKey, first.multipartId);
  await api.world.blobs.completeMultipart(first.blobKey, first.multipartId, parts);
  await api.world.table.transact([uploadWrite({ ...value, state: 'completed' }, revision)], { token: 'died' });
  expect((await client.call(completeUpload, { params: { upload: upload.id } })).state).toBe('completed');
  await api.settle();
  expect((await get('died', version)).state).toBe('published');
});

test('an upload that was not completed in time is dropped, and its version with it', async () => {
  const body = { base: 'tiny', files: announce(await tinyAdapter()) };
  const { version, upload } = await client.call(beginUpload, { params: { adapter: 'late' }, body });
  api.pass(7 * 24 * 3600 * 1000);
  await api.settle();
  expect((await client.call(getUpload, { params: { upload: upload.id } })).state).toBe('aborted');
  expect(codes(await get('late', version))).toEqual(['upload-expired']);
  await client.call(abortUpload, { params: { upload: upload.id } });
});
