import { afterEach, beforeEach, expect, test } from 'vitest';
import { createJob, getJob } from '../../shared/contract/jobs.ts';
import { deleteDataset, getDataset, getDatasetFile, previewDataset } from '../../shared/contract/datasets.ts';
import { eraseDataset, getErasure } from '../../shared/contract/erasures.ts';
import { getVersionManifest } from '../../shared/contract/manifests.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { getVersion, getVersionChecks, listVersionFiles } from '../../shared/contract/versions.ts';
import { listBaseFiles } from '../../shared/contract/bases.ts';
import { limits } from '../../shared/limits.ts';
import type { World } from '../../shared/platform/ports.ts';
import { baseWrite } from '../../shared/records/bases.ts';
import { blobKeys, blobPrefixes } from '../../shared/records/blob-keys.ts';
import { newId } from '../../shared/records/commit.ts';
import { noteLineage } from '../../shared/records/lineage.ts';
import type { DatasetRecord } from '../../shared/records/datasets.ts';
import { findVersion, versionWrite, type VersionRecord } from '../../shared/records/versions.ts';
import { dyingWorld } from '../../test/support/dying-world.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { parentOf, publishMade } from '../../test/support/publish-made.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { storeDataset } from '../../test/support/stored-things.ts';
import { sweepErasures } from './sweep-erasures.ts';

let api: LocalApi;
let client: ApiClient;
let made: Made;
beforeEach(() => begin());

async function begin(): Promise<void> {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue', 'tiny');
  made = await make();
}
afterEach(() => api.close());

interface Made {
  readonly data: DatasetRecord;
  readonly versions: readonly VersionRecord[];
  readonly other: VersionRecord;
  readonly mergedId: string;
}

/** Rows, what was trained on them, what came of that, a base that it was merged into, and what has nothing to do with any of it. */
async function make(): Promise<Made> {
  const { world } = api;
  const caller = api.caller();
  const data = await storeDataset(world, caller, 'letters', [{ prompt: 'a', completion: 'b' }]);
  const datasets = [{ name: 'letters', id: data.id, sha256: data.sha256 ?? '' }];
  const publish = (adapter: string, lineage: object) =>
    publishMade(world, caller, { adapter, base: 'tiny', lineage: { origin: 'train', ...lineage } });
  const first = await publish('first', { datasets });
  const second = await publish('second', { parents: [parentOf(first)] });
  const other = await publish('other', {});
  const merged = await putReadyBase(world, 'blue', 'merged');
  const lineage = { origin: 'merge' as const, parents: [parentOf(second)] };
  await noteLineage(world, 'blue', { kind: 'base', id: merged.id, name: 'merged' }, [
    { kind: 'version', id: second.id, name: 'second' },
  ]);
  const write = baseWrite({ ...merged, lineage, datasetRoots: [data.id] }, 1);
  await world.table.transact([write], { token: newId(world, 'tok') });
  return { data, versions: [first, second], other, mergedId: merged.id };
}

async function countUnder(prefix: string): Promise<number> {
  let count = 0;
  for await (const _ of api.world.blobs.list(prefix)) count++;
  return count;
}

const prefixes = (): readonly string[] => [
  blobPrefixes.dataset('blue', made.data.id),
  ...made.versions.map(({ id }) => blobPrefixes.version('blue', id)),
  blobPrefixes.base('blue', made.mergedId),
];
const left = async (): Promise<number> =>
  (await Promise.all(prefixes().map(countUnder))).reduce((sum, count) => sum + count, 0);
const erase = () => client.call(eraseDataset, { params: { dataset: 'letters' } });
const state = async (): Promise<string> => (await client.call(getErasure, { params: { dataset: 'letters' } })).state;
const sweep = (world: World = api.world): Promise<void> =>
  sweepErasures(world, {
    log: (_, error) => {
      throw error;
    },
  });
const settle = (): void => api.pass(1000 * limits.erasureSettleSeconds);
const gone = { status: 410, code: 'erased' };

test('all that descends from it answers 410 at once, and what does not goes on', async () => {
  expect(await erase()).toMatchObject({ state: 'erasing', erased: { versions: 0 } });
  for (const adapter of ['first', 'second'])
    for (const operation of [getVersion, getVersionChecks, listVersionFiles, getVersionManifest])
      await expect(client.call(operation, { params: { adapter, version: '1' } })).rejects.toMatchObject(gone);
  const params = { dataset: 'letters' };
  await expect(client.call(getDataset, { params })).rejects.toMatchObject(gone);
  await expect(client.call(getDatasetFile, { params })).rejects.toMatchObject(gone);
  await expect(client.call(previewDataset, { params, query: { base: 'tiny' } })).rejects.toMatchObject(gone);
  await expect(client.call(listBaseFiles, { params: { base: 'merged' } })).rejects.toMatchObject(gone);
  const body = { kind: 'train', base: 'tiny', dataset: 'letters', output: { adapter: 'x' } } as const;
  await expect(client.call(createJob, { body })).rejects.toMatchObject({ status: 410 });
  expect((await client.call(listVersionFiles, { params: { adapter: 'other', version: '1' } })).files).toHaveLength(1);
  expect(await left()).toBeGreaterThan(3);
});

test('its bytes go, and no others; it is over once no call from before can be under way', async () => {
  await erase();
  await sweep();
  expect([await left(), await state()]).toEqual([0, 'erasing']);
  settle();
  await sweep();
  const erasure = await client.call(getErasure, { params: { dataset: 'letters' } });
  expect(erasure).toMatchObject({ state: 'erased', erased: { versions: 2, bases: 1, jobs: 0 } });
  expect(await erase()).toEqual(erasure);
  expect(await countUnder(blobPrefixes.version('blue', made.other.id))).toBeGreaterThan(0);
  expect((await client.call(listVersionFiles, { params: { adapter: 'other', version: '1' } })).files).toHaveLength(1);
});

test('what an earlier release has published is found by what its record says', async () => {
  const { world } = api;
  for (const { id } of made.versions) {
    const found = await findVersion(world.table, 'blue', id);
    const { datasetRoots: _, ...old } = found?.value ?? made.other;
    await world.table.transact([versionWrite(old, found?.revision)], { token: newId(world, 'tok') });
  }
  await erase();
  await expect(client.call(getVersion, { params: { adapter: 'first', version: '1' } })).rejects.toMatchObject(gone);
  await sweep();
  expect(await left()).toBe(0);
});

test('a job that reads any of it is cancelled, and what it left on its way goes', async () => {
  const body = { kind: 'train', base: 'tiny', dataset: 'letters', output: { adapter: 'late' } } as const;
  const { job } = await client.call(createJob, { body });
  const id = job?.id ?? '';
  await api.world.blobs.put(blobKeys.jobCheckpoint('blue', id, 'state.json'), Buffer.from('state'));
  await erase();
  await sweep();
  await sweep();
  expect((await client.call(getJob, { params: { job: id } })).state).toBe('cancelled');
  expect(await countUnder(blobKeys.jobCheckpoint('blue', id, ''))).toBe(0);
  settle();
  await sweep();
  expect(await state()).toBe('erased');
});

test('a version that was under way is not published once its dataset is erased', async () => {
  await erase();
  const lineage = { origin: 'train' as const, datasets: [{ name: 'letters', id: made.data.id, sha256: '' }] };
  const late = publishMade(api.world, api.caller(), { adapter: 'late', base: 'tiny', lineage });
  await expect(late).rejects.toMatchObject({ code: 'erased' });
});

test('a dataset that was deleted is erased all the same, and one that was erased frees its name', async () => {
  await client.call(deleteDataset, { params: { dataset: 'letters' } });
  await erase();
  await sweep();
  expect(await left()).toBe(0);
  const next = await storeDataset(api.world, api.caller(), 'letters', [{ prompt: 'c', completion: 'd' }]);
  expect((await client.call(getDataset, { params: { dataset: 'letters' } })).id).toBe(next.id);
});

test('killed at any write, before or after it, it ends up erased, and nothing else has gone', async () => {
  let writes = 0;
  for (let at = 1; ; at++) {
    let alive = false;
    for (const when of ['before', 'after'] as const) {
      if (at > 1 || when === 'after') {
        await api.close();
        await begin();
      }
      await erase();
      settle();
      const { world, died } = dyingWorld(api.world, at, when);
      await sweepErasures(world, { log: () => undefined });
      await expect(client.call(getVersion, { params: { adapter: 'first', version: 'latest' } })).rejects.toMatchObject(
        gone,
      );
      await sweep();
      expect([await left(), await state()]).toEqual([0, 'erased']);
      expect(await countUnder(blobPrefixes.version('blue', made.other.id))).toBeGreaterThan(0);
      alive ||= !died();
    }
    if (alive) {
      writes = at - 1;
      break;
    }
  }
  expect(writes).toBeGreaterThan(8);
}, 120_000);
