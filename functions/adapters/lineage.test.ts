import { afterAll, beforeAll, expect, test } from 'vitest';
import { deleteAdapter } from '../../shared/contract/adapters.ts';
import { listLineage } from '../../shared/contract/lineage.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { walkLineage } from '../../shared/records/lineage.ts';
import type { VersionRecord } from '../../shared/records/versions.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { parentOf, publishMade } from '../../test/support/publish-made.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { storeDataset } from '../../test/support/stored-things.ts';

let api: LocalApi;
let client: ApiClient;
let [datasetId, baseId, versions]: [string, string, VersionRecord[]] = ['', '', []];

/** A dataset, an adapter trained on it, another that goes on from that, one of both, and one that has nothing to do with it. */
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
  const { world } = api;
  const caller = api.caller();
  const base = await putReadyBase(world, 'blue', 'tiny');
  const data = await storeDataset(world, caller, 'letters', [{ prompt: 'a', completion: 'b' }]);
  [datasetId, baseId] = [data.id, base.id];
  const pinned = { base: { name: 'tiny', id: base.id, sha256: base.sha256 ?? '' } };
  const make = (adapter: string, lineage: object) =>
    publishMade(world, caller, { adapter, base: 'tiny', lineage: { origin: 'train', ...pinned, ...lineage } });
  const first = await make('first', { datasets: [{ name: 'letters', id: data.id, sha256: data.sha256 ?? '' }] });
  const second = await make('second', { parents: [parentOf(first)] });
  const both = await make('both', { origin: 'compose', parents: [parentOf(first), parentOf(second)] });
  const other = await make('other', {});
  versions = [first, second, both, other];
});
afterAll(() => api.close());

const walk = async (of: string, direction: 'up' | 'down') =>
  (await client.call(listLineage, { query: { of, direction } })).items.map(
    ({ kind, name, depth }) => `${depth} ${kind === 'version' ? name : kind}`,
  );

test('what was made with something is found over all steps, each once, the nearest first', async () => {
  expect((await walk('datasets/letters', 'down')).toSorted()).toEqual(['0 dataset', '1 first', '2 both', '2 second']);
  expect((await walk('bases/tiny', 'down')).length).toBe(5);
  expect((await walk('adapters/first', 'down')).toSorted()).toEqual(['0 first', '1 both', '1 second']);
  expect(await walk('adapters/other', 'down')).toEqual(['0 other']);
});

test('of what something was made is found the same way, by name, number or id', async () => {
  const up = ['0 both', '1 base', '1 first', '1 second', '2 dataset'];
  const id = versions[2]?.id ?? '';
  for (const of of ['adapters/both', 'adapters/both@1', id]) expect((await walk(of, 'up')).toSorted()).toEqual(up);
  expect((await walk(datasetId, 'down')).length).toBe(4);
  expect(await walk(baseId, 'up')).toEqual(['0 base']);
  await expect(walk('dat_nothing', 'down')).rejects.toMatchObject({ status: 404 });
  await expect(walk('adapters/none', 'up')).rejects.toMatchObject({ status: 404 });
  for (const strange of ['\0', 'adapters/\0', 'datasets/a b', 'bases/\ud800'])
    await expect(walk(strange, 'up')).rejects.toMatchObject({ status: 400 });
});

test('page by page it is the same, and a cursor of something else is refused', async () => {
  const all = (await client.call(listLineage, { query: { of: 'bases/tiny', direction: 'down' } })).items;
  const seen: unknown[] = [];
  for (let cursor: string | undefined; ;) {
    const query = { of: 'bases/tiny', direction: 'down' as const, limit: 2, ...(cursor ? { cursor } : {}) };
    const page = await client.call(listLineage, { query });
    seen.push(...page.items);
    cursor = page.next;
    if (cursor === undefined) break;
  }
  expect(seen).toEqual(all);
  const bad = client.call(listLineage, { query: { of: 'bases/tiny', cursor: 'x' } });
  await expect(bad).rejects.toMatchObject({ code: 'bad-cursor' });
});

test('a walk ends at its bound', async () => {
  const root = { kind: 'base' as const, id: baseId, name: 'tiny' };
  const sizes = [1, 3, 5, 6].map(
    async (max) => (await walkLineage(api.world.table, 'blue', [root], 'down', max)).length,
  );
  expect(await Promise.all(sizes)).toEqual([1, 3, 5, 5]);
});

test('what was deleted is told as gone, with all that was made with it', async () => {
  await client.call(deleteAdapter, { params: { adapter: 'second' } });
  const { items } = await client.call(listLineage, { query: { of: 'datasets/letters', direction: 'down' } });
  expect(items.map(({ name, state }) => `${name} ${state}`).toSorted()).toEqual([
    'both there',
    'first there',
    'letters there',
    'second gone',
  ]);
});
