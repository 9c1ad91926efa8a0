import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createAdapter,
  deleteAdapter,
  getAdapter,
  listAdapters,
  updateAdapter,
  type Adapter,
} from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { getVersion } from '../../shared/contract/versions.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { pushVersion } from '../../test/support/send-upload.ts';

let api: LocalApi;
let client: ApiClient;
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue', 'tiny');
  await putReadyBase(api.world, 'blue', 'other');
});
afterAll(() => api.close());

const make = (name: string, given: { base?: string; tags?: string[]; description?: string } = {}): Promise<Adapter> =>
  client.call(createAdapter, { body: { name, base: 'tiny', ...given } });
const names = async (query: { base?: string; tag?: string; text?: string; limit?: number }): Promise<string[]> =>
  (await client.call(listAdapters, { query })).items.map(({ name }) => name);

test('everything that is wrong with a call is told at once', async () => {
  const refused = client.call(createAdapter, { body: { name: 'No Name', base: '', tags: ['a--b'] } });
  await expect(refused).rejects.toMatchObject({ status: 400, code: 'invalid-request' });
  const { findings } = (await refused.catch((error: unknown) => error)) as { findings: { where: string }[] };
  expect(findings.map(({ where }) => where).toSorted()).toEqual([
    'body.base',
    'body.base',
    'body.name',
    'body.tags[0]',
  ]);
});

test('an adapter needs a base that is there, and a name that is free', async () => {
  await expect(make('astray', { base: 'none' })).rejects.toMatchObject({ status: 422, code: 'no-such-base' });
  await make('taken');
  await expect(make('taken')).rejects.toMatchObject({ status: 409, code: 'name-taken' });
});

test('a repeated creation answers what it made the first time, another one with the same key is refused', async () => {
  const body = { name: 'twice', base: 'tiny' };
  const first = await client.call(createAdapter, { body, idempotencyKey: 'one' });
  expect(await client.call(createAdapter, { body, idempotencyKey: 'one' })).toEqual(first);
  const other = client.call(createAdapter, { body: { ...body, name: 'thrice' }, idempotencyKey: 'one' });
  await expect(other).rejects.toMatchObject({ code: 'idempotency-mismatch' });
});

test('of ten creations at once with one key, all answer the same adapter', async () => {
  const call = { body: { name: 'rush', base: 'tiny' }, idempotencyKey: 'rush' };
  const made = await Promise.all(Array.from({ length: 10 }, () => client.call(createAdapter, call)));
  expect(new Set(made.map(({ id }) => id)).size).toBe(1);
});

test('a change that was thought out for another revision is refused', async () => {
  const { revision } = await make('changing', { tags: ['old'] });
  const params = { adapter: 'changing' };
  const changed = await client.call(updateAdapter, { params, body: { tags: ['new', 'new'], ifRevision: revision } });
  expect(changed).toMatchObject({ tags: ['new'], revision: revision + 1 });
  const late = client.call(updateAdapter, { params, body: { description: 'late', ifRevision: revision } });
  await expect(late).rejects.toMatchObject({ status: 409, code: 'changed-meanwhile' });
  expect(await names({ tag: 'old' })).toEqual([]);
  expect(await names({ tag: 'new' })).toEqual(['changing']);
});

test('adapters are listed by base, by tag and by a text in name or description, page by page', async () => {
  await make('list-a', { base: 'other', tags: ['listed'], description: 'speaks French' });
  await make('list-b', { base: 'other', tags: ['listed'] });
  await make('list-c', { tags: ['listed'] });
  expect(await names({ base: 'other' })).toEqual(['list-a', 'list-b']);
  expect(await names({ tag: 'listed' })).toEqual(['list-a', 'list-b', 'list-c']);
  expect(await names({ tag: 'listed', base: 'other', text: 'french' })).toEqual(['list-a']);
  const first = await client.call(listAdapters, { query: { tag: 'listed', limit: 2 } });
  const query = { tag: 'listed', limit: 2, ...(first.next === undefined ? {} : { cursor: first.next }) };
  const second = await client.call(listAdapters, { query });
  expect([first.items.length, second.items.map(({ name }) => name), second.next]).toEqual([2, ['list-c'], undefined]);
  const elsewhere = client.call(listAdapters, { query: { ...query, tag: 'new' } });
  await expect(elsewhere).rejects.toMatchObject({ status: 400, code: 'bad-cursor' });
});

test('a deleted adapter is out of reach with its versions, and its name is free', async () => {
  const version = await pushVersion(api, client, 'gone');
  await api.settle();
  const before = await client.call(getAdapter, { params: { adapter: 'gone' } });
  await client.call(deleteAdapter, { params: { adapter: 'gone' } });
  await expect(client.call(getAdapter, { params: { adapter: 'gone' } })).rejects.toMatchObject({ status: 404 });
  const again = await make('gone');
  expect(again.id).not.toBe(before.id);
  expect(again.versions).toBe(0);
  const old = client.call(getVersion, { params: { adapter: 'gone', version: version.id } });
  await expect(old).rejects.toMatchObject({ status: 404 });
});

test('a version whose adapter is deleted while it is looked at is rejected, not lost', async () => {
  const version = await pushVersion(api, client, 'vanishing');
  await client.call(deleteAdapter, { params: { adapter: 'vanishing' } });
  await api.settle();
  const record = await api.world.table.get({ partition: `blue#version#${version.id}`, sort: 'version' });
  expect(record?.value).toMatchObject({ state: 'rejected', findings: [{ code: 'adapter-deleted' }] });
});
