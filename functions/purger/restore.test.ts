import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  deleteAdapter,
  getAdapter,
  listAdapters,
  restoreAdapter,
  updateAdapter,
} from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { deleteBase, getBase, restoreBase } from '../../shared/contract/bases.ts';
import { createDataset, deleteDataset, getDataset, restoreDataset } from '../../shared/contract/datasets.ts';
import { listAudit } from '../../shared/contract/audit.ts';
import { listVersionFiles } from '../../shared/contract/versions.ts';
import { limits } from '../../shared/limits.ts';
import type { RecordTable } from '../../shared/platform/ports.ts';
import { findPurge } from '../../shared/records/purges.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { announce, pushVersion } from '../../test/support/send-upload.ts';
import { storeDataset } from '../../test/support/stored-things.ts';
import { sweepPurges } from './sweep-purges.ts';

let api: LocalApi;
let client: ApiClient;
beforeEach(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
});
afterEach(async () => {
  expect(api.bugs).toEqual([]);
  await api.close();
});

const params = { adapter: 'french' };

async function published(): Promise<void> {
  await pushVersion(api, client, 'french', { aliases: ['production'] });
  await api.settle();
  await client.call(updateAdapter, { params, body: { tags: ['language'], description: 'French' } });
}

/** The sweep and whatever it makes due. */
async function sweepTwice(table: RecordTable = api.world.table): Promise<void> {
  const log = (_: string, error: unknown): never => {
    throw error;
  };
  for (let round = 0; round < 2; round++) await sweepPurges({ ...worldOf(), table }, { log });
}

function worldOf() {
  const { blobs, runner, events } = api.world;
  return {
    blobs,
    runner,
    events,
    now: () => api.world.now(),
    randomBytes: (count: number) => api.world.randomBytes(count),
  };
}

/** A table at whose first transaction something else happens just before. */
function interrupted(before: () => Promise<void>): RecordTable {
  const { table } = api.world;
  let isFirst = true;
  return {
    get: (key) => table.get(key),
    put: (record, condition) => table.put(record, condition),
    delete: (key, condition) => table.delete(key, condition),
    query: (query) => table.query(query),
    increment: (key, field, by, bound) => table.increment(key, field, by, bound),
    async transact(writes, options) {
      if (isFirst) {
        isFirst = false;
        await before();
      }
      return table.transact(writes, options);
    },
  };
}

test('an adapter comes back with its versions, aliases and tags, and stays', async () => {
  await published();
  const { revision: _, updatedAt: __, ...before } = await client.call(getAdapter, { params });
  await client.call(deleteAdapter, { params });
  api.pass(1000 * (limits.deletedKeptSeconds - 60));
  await sweepTwice();
  const { revision: _r, updatedAt: _u, ...after } = await client.call(restoreAdapter, { params });
  expect(after).toEqual(before);
  api.pass(2000 * limits.deletedKeptSeconds);
  await sweepTwice();
  const { files } = await client.call(listVersionFiles, { params: { ...params, version: 'production' } });
  for (const { url, headers } of files) expect((await api.fetch(url, { headers })).status).toBe(200);
  const tagged = await client.call(listAdapters, { query: { tag: 'language' } });
  expect(tagged.items.map(({ name }) => name)).toEqual(['french']);
});

test('what comes back is in the audit, with what it was', async () => {
  await published();
  const { id } = await client.call(getAdapter, { params });
  await client.call(deleteAdapter, { params });
  await client.call(restoreAdapter, { params });
  const day = new Date(api.world.now()).toISOString().slice(0, 10);
  const { items } = await client.call(listAudit, { query: { day } });
  expect(items[0]).toMatchObject({ action: 'adapter.restore', resource: 'adapters/french', detail: { id } });
});

test('what was never there, is there, or was purged does not come back', async () => {
  const none = { code: 'not-found', status: 404 };
  await expect(client.call(restoreAdapter, { params })).rejects.toMatchObject(none);
  await published();
  await expect(client.call(restoreAdapter, { params })).rejects.toMatchObject({ code: 'name-taken', status: 409 });
  await client.call(deleteAdapter, { params });
  await expect((await api.client('red')).call(restoreAdapter, { params })).rejects.toMatchObject(none);
  api.pass(1000 * limits.deletedKeptSeconds + 1000);
  await sweepTwice();
  await expect(client.call(restoreAdapter, { params })).rejects.toMatchObject(none);
});

test('of two of one name the last one comes back, and none while there is a new one', async () => {
  const [ids]: [string[]] = [[]];
  for (let round = 0; round < 2; round++) {
    await published();
    ids.push((await client.call(getAdapter, { params })).id);
    await client.call(deleteAdapter, { params });
    api.pass(1000);
  }
  expect((await client.call(restoreAdapter, { params })).id).toBe(ids[1]);
  await expect(client.call(restoreAdapter, { params })).rejects.toMatchObject({ code: 'name-taken' });
  await client.call(deleteAdapter, { params });
  expect((await client.call(restoreAdapter, { params })).id).toBe(ids[1]);
});

test('an adapter waits for its base, and does not take another one of that name', async () => {
  await published();
  await client.call(deleteAdapter, { params });
  const base = { params: { base: 'tiny' } };
  const { id } = await client.call(getBase, base);
  await client.call(deleteBase, base);
  await expect(client.call(restoreAdapter, { params })).rejects.toMatchObject({ code: 'no-such-base' });
  api.pass(1000);
  await putReadyBase(api.world, 'blue');
  await expect(client.call(restoreAdapter, { params })).rejects.toMatchObject({ code: 'no-such-base' });
  await expect(client.call(restoreBase, base)).rejects.toMatchObject({ code: 'name-taken' });
  await client.call(deleteBase, base);
  // the one before that was deleted is not the last one any more
  expect((await client.call(restoreBase, base)).id).not.toBe(id);
});

test('a base and a dataset come back as they were, where they were ready', async () => {
  const base = { params: { base: 'tiny' } };
  const before = await client.call(getBase, base);
  await client.call(deleteBase, base);
  expect(await client.call(restoreBase, base)).toEqual(before);
  expect(await client.call(getBase, base)).toEqual(before);

  await storeDataset(api.world, api.caller(), 'pairs', [{ prompt: 'a', completion: 'b' }]);
  const dataset = { params: { dataset: 'pairs' } };
  const rows = await client.call(getDataset, dataset);
  await client.call(deleteDataset, dataset);
  expect(await client.call(restoreDataset, dataset)).toEqual(rows);

  const [file] = announce({ 'data.jsonl': new Uint8Array(10) });
  if (!file) throw new Error('one file is announced');
  await client.call(createDataset, { body: { name: 'draft', file } });
  const draft = { params: { dataset: 'draft' } };
  await client.call(deleteDataset, draft);
  await expect(client.call(restoreDataset, draft)).rejects.toMatchObject({ code: 'not-ready' });
});

test('a purge that comes just before keeps everything gone, one that comes just after leaves everything there', async () => {
  await published();
  const { id } = await client.call(getAdapter, { params });
  await client.call(deleteAdapter, { params });
  api.pass(1000 * limits.deletedKeptSeconds + 1000);
  // the purger has decided, and somebody wants the adapter back before it writes
  await sweepTwice(interrupted(async () => void (await client.call(restoreAdapter, { params }))));
  const { files } = await client.call(listVersionFiles, { params: { ...params, version: '1' } });
  for (const { url, headers } of files) expect((await api.fetch(url, { headers })).status).toBe(200);
  expect(await findPurge(api.world.table, 'blue', id)).toBeUndefined();

  await client.call(deleteAdapter, { params });
  api.pass(1000 * limits.deletedKeptSeconds + 1000);
  // the other way round: everything is looked up, and the purger is faster
  const { table } = api.world;
  const slow = interrupted(() => sweepTwice(table));
  Object.assign(api.deps, { world: { ...worldOf(), table: slow } });
  await expect(client.call(restoreAdapter, { params })).rejects.toMatchObject({ code: 'not-found' });
  await expect(client.call(getAdapter, { params })).rejects.toMatchObject({ code: 'not-found' });
});
