import { afterAll, beforeAll, expect, test } from 'vitest';
import { getAdapter, setAlias } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import {
  beginUpload,
  getVersion,
  getVersionChecks,
  listVersionFiles,
  listVersions,
  withdrawVersion,
  type Version,
} from '../../shared/contract/versions.ts';
import { limits } from '../../shared/limits.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { announce, pushVersion, tinyAdapter } from '../../test/support/send-upload.ts';

let api: LocalApi;
let client: ApiClient;
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
});
afterAll(() => api.close());

type Body = Parameters<typeof client.call<typeof beginUpload>>[1]['body'];
const begin = async (adapter: string, given: Partial<Body> = {}) =>
  client.call(beginUpload, { params: { adapter }, body: { files: announce(await tinyAdapter()), ...given } });
const withdraw = (adapter: string, version: string): Promise<Version> =>
  client.call(withdrawVersion, { params: { adapter, version }, body: { reason: 'it repeats itself' } });
const aliasesOf = async (adapter: string) => (await client.call(getAdapter, { params: { adapter } })).aliases;

test('what is not an adapter is refused before anything is sent, with all that is wrong', async () => {
  const [config, weights] = announce(await tinyAdapter());
  if (!config || !weights) throw new Error('an adapter has two files');
  const files = [config, { ...weights, path: 'adapter_model.bin' }, { ...weights, path: 'sub/other.txt' }];
  const refused = await begin('no-adapter', { base: 'tiny', files }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ status: 422, code: 'not-an-adapter' });
  expect((refused as { findings: { code: string }[] }).findings.map(({ code }) => code)).toEqual([
    'pickle',
    'foreign-file',
  ]);
  const twice = begin('no-adapter', {
    base: 'tiny',
    files: [config, weights, { ...weights, path: 'more.safetensors' }],
  });
  await expect(twice).rejects.toMatchObject({ findings: [{ code: 'several-weights' }] });
  const large = [config, { ...weights, sizeBytes: limits.adapterBytesMax - config.sizeBytes }];
  await begin('at-the-limit', { base: 'tiny', files: large });
  const larger = large.map((file) => ({ ...file, sizeBytes: file.sizeBytes + 1 }));
  await expect(begin('too-large', { base: 'tiny', files: larger })).rejects.toMatchObject({ code: 'too-large' });
});

test('a version needs a base that is ready, and that of its adapter', async () => {
  await expect(begin('new')).rejects.toMatchObject({ status: 404 });
  await expect(begin('new', { base: 'none' })).rejects.toMatchObject({ code: 'no-such-base' });
  await putReadyBase(api.world, 'blue', 'second');
  await begin('mine', { base: 'tiny' });
  await expect(begin('mine', { base: 'second' })).rejects.toMatchObject({ code: 'base-mismatch' });
  await expect(begin('mine', { aliases: ['latest'] })).rejects.toMatchObject({ code: 'alias-reserved' });
});

test('a repeated beginning gives the same version and the same upload', async () => {
  const files = announce(await tinyAdapter());
  const call = { params: { adapter: 'again' }, body: { base: 'tiny', files }, idempotencyKey: 'again' };
  const first = await client.call(beginUpload, call);
  expect(await client.call(beginUpload, call)).toEqual(first);
  expect((await client.call(listVersions, { params: { adapter: 'again' } })).items).toHaveLength(1);
});

test('only what was published is fetched or withdrawn', async () => {
  const { version } = await begin('draft', { base: 'tiny' });
  const params = { adapter: 'draft', version: version.id };
  await expect(client.call(listVersionFiles, { params })).rejects.toMatchObject({ status: 409, code: 'not-published' });
  await expect(withdraw('draft', version.id)).rejects.toMatchObject({ code: 'not-published' });
  expect(await client.call(getVersionChecks, { params })).toEqual({ modules: [], servability: [] });
});

test('versions are numbered in the order of their publication and found by number, alias and id', async () => {
  for (let i = 1; i <= 3; i++) await pushVersion(api, client, 'numbered');
  await api.settle();
  const { items } = await client.call(listVersions, { params: { adapter: 'numbered' }, query: { state: 'published' } });
  expect(items.map(({ version }) => version)).toEqual([3, 2, 1]);
  await client.call(setAlias, { params: { adapter: 'numbered', alias: 'stable' }, body: { version: 2 } });
  const [, second] = items;
  for (const version of ['2', 'stable', second?.id ?? '']) {
    const found = await client.call(getVersion, { params: { adapter: 'numbered', version } });
    expect(found).toMatchObject({ version: 2, id: second?.id, aliases: ['stable'] });
  }
  for (const version of ['4', '0', 'none', 'constructor', 'ver_0000000000000000'])
    await expect(client.call(getVersion, { params: { adapter: 'numbered', version } })).rejects.toMatchObject({
      status: 404,
    });
});

test('a version that an alias points to is not withdrawn, one that only latest points to is', async () => {
  await expect(withdraw('numbered', '2')).rejects.toMatchObject({
    code: 'still-aliased',
    findings: [{ where: 'stable' }],
  });
  expect(await withdraw('numbered', '3')).toMatchObject({ state: 'withdrawn', withdrawnBecause: 'it repeats itself' });
  expect(await aliasesOf('numbered')).toEqual({ latest: 2, stable: 2 });
  // by its number it stays readable
  const params = { adapter: 'numbered', version: '3' };
  expect((await client.call(listVersionFiles, { params })).files).toHaveLength(2);
  expect(await withdraw('numbered', '3')).toMatchObject({ state: 'withdrawn' });
});

test('latest points nowhere when all versions are withdrawn, and to the next that is published', async () => {
  await pushVersion(api, client, 'retired');
  await api.settle();
  await withdraw('retired', '1');
  expect(await aliasesOf('retired')).toEqual({});
  await pushVersion(api, client, 'retired');
  await api.settle();
  expect(await aliasesOf('retired')).toEqual({ latest: 2 });
});
