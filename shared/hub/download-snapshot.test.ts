import { readFile, readdir, rm, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startSmallHub, type HubModel, type SmallHub } from '../../test/support/small-hub.ts';
import { DomainError, UnavailableError } from '../errors.ts';
import { downloadSnapshot } from './download-snapshot.ts';
import { cachedSnapshot, hubCacheFolder, isHubId, isSafeName } from './hub-cache.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const weights = Uint8Array.from({ length: 3_000_000 }, (_, i) => i % 251);
const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const files = {
  'adapter_config.json': text('{"r":1}'),
  'adapter_model.safetensors': weights,
  'optimizer.pt': text('x'),
  'sub/notes.md': text('# a'),
};
const wants = (name: string): boolean => !name.endsWith('.pt');

let folder = '';
let hub: SmallHub;
let models: Record<string, HubModel>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-hub-'));
  models = { 'team/one': { commit, files } };
  hub = await startSmallHub(models);
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});

const environment = (): Record<string, string> => ({ HF_ENDPOINT: `${hub.url}/`, HF_HUB_CACHE: folder });
const download = (id: string, more: Record<string, string> = {}): ReturnType<typeof downloadSnapshot> =>
  downloadSnapshot(id, { environment: { ...environment(), ...more }, wants });

describe('refuses', () => {
  test('a model that is not there, or not for this caller', async () => {
    await expect(download('team/none')).rejects.toThrow(DomainError);
    models['team/secret'] = { commit, files, token: 'hf_right' };
    await expect(download('team/secret', { HF_TOKEN: 'hf_wrong' })).rejects.toThrow(/needs HF_TOKEN/);
    expect((await download('team/secret', { HF_TOKEN: 'hf_right' })).commit).toBe(commit);
  });

  test('names that lead out of the cache', async () => {
    models['team/bad'] = { commit, files: { '../../x.json': text('{}') } };
    await expect(download('team/bad')).rejects.toThrow(/cannot be stored/);
    expect(['a/../b', '/a', 'a//b', 'a\\b', 'c:x', '..'].filter(isSafeName)).toEqual([]);
    expect(['', '../x', 'a/b/c', 'a/..', 'a--b/c', '.a', 'a/b.git', '-a'].filter(isHubId)).toEqual([]);
  });

  test('content that is not what was announced, and leaves nothing of it behind', async () => {
    for (const sent of [weights.slice(1), weights.toReversed()]) {
      models['team/torn'] = { commit, files, sent: { 'adapter_model.safetensors': sent } };
      await expect(download('team/torn')).rejects.toThrow(UnavailableError);
    }
    expect(await readdir(join(folder, 'models--team--torn', 'blobs'))).toHaveLength(1);
  });

  test('to go on when the hub cannot be reached, so that the call may be tried again', async () => {
    await expect(
      downloadSnapshot('team/one', { environment: { HF_ENDPOINT: 'http://127.0.0.1:9', HF_HUB_CACHE: folder }, wants }),
    ).rejects.toThrow(UnavailableError);
  });
});

test('a model is downloaded once, pinned to its commit, in the layout of the cache', async () => {
  const seen: [number, number][] = [];
  const snapshot = await downloadSnapshot('team/one', {
    environment: environment(),
    wants,
    onProgress: (done, total) => seen.push([done, total]),
  });
  expect(snapshot).toEqual({
    folder: join(folder, 'models--team--one', 'snapshots', commit),
    commit,
    files: Object.keys(files),
  });
  expect((await readFile(join(snapshot.folder, 'adapter_model.safetensors'))).equals(weights)).toBe(true);
  expect(await readFile(join(snapshot.folder, 'sub', 'notes.md'), 'utf8')).toBe('# a');
  expect((await readdir(snapshot.folder)).toSorted()).toEqual([
    'adapter_config.json',
    'adapter_model.safetensors',
    'sub',
  ]);
  expect(seen.at(-1)).toEqual([3_000_010, 3_000_010]);
  expect(await cachedSnapshot('team/one', environment())).toEqual({ folder: snapshot.folder, commit });
  const before = hub.calls.filter((call) => call.includes('resolve')).length;
  expect(before).toBeGreaterThan(0);
  await download('team/one');
  expect(hub.calls.filter((call) => call.includes('resolve'))).toHaveLength(before);
});

test('the cache is looked for where huggingface_hub puts it', async () => {
  expect(hubCacheFolder({ HF_HUB_CACHE: '/a' })).toBe('/a');
  expect(hubCacheFolder({ HF_HOME: join('/b') })).toBe(join('/b', 'hub'));
  expect(hubCacheFolder({ XDG_CACHE_HOME: join('/c') })).toBe(join('/c', 'huggingface', 'hub'));
  expect(await cachedSnapshot('team/other', environment())).toBeUndefined();
  expect(await cachedSnapshot('team/one', environment(), '../../x')).toBeUndefined();
});
