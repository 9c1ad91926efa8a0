import { afterAll, beforeAll, expect, test } from 'vitest';
import { deleteAlias, getAdapter, listAliasHistory, rollbackAlias, setAlias } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { withdrawVersion } from '../../shared/contract/versions.ts';
import { limits } from '../../shared/limits.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { pushVersion } from '../../test/support/send-upload.ts';

let api: LocalApi;
let client: ApiClient;
const adapter = 'french';
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
  for (let version = 1; version <= 4; version++) await pushVersion(api, client, adapter);
  await api.settle();
  await client.call(withdrawVersion, { params: { adapter, version: '4' }, body: { reason: 'broken' } });
});
afterAll(() => api.close());

const set = (alias: string, version: number, ifVersion?: number | null) =>
  client.call(setAlias, {
    params: { adapter, alias },
    body: { version, ...(ifVersion === undefined ? {} : { ifVersion }) },
  });
const rollback = (alias: string, ifVersion?: number) =>
  client.call(rollbackAlias, { params: { adapter, alias }, body: ifVersion === undefined ? {} : { ifVersion } });
const history = async (alias: string): Promise<(number | null)[]> =>
  (await client.call(listAliasHistory, { params: { adapter, alias } })).items.map(({ version }) => version);

test('latest is moved by the platform alone', async () => {
  for (const call of [
    set('latest', 1),
    rollback('latest'),
    client.call(deleteAlias, { params: { adapter, alias: 'latest' } }),
  ])
    await expect(call).rejects.toMatchObject({ code: 'alias-reserved' });
});

test('an alias points to nothing that is not there, or that was withdrawn', async () => {
  await expect(set('a', 9)).rejects.toMatchObject({ code: 'no-such-version' });
  await expect(set('a', 4)).rejects.toMatchObject({ code: 'withdrawn' });
  await expect(rollback('never')).rejects.toMatchObject({ status: 404 });
  await expect(history('never')).rejects.toMatchObject({ status: 404 });
});

test('an alias moves only from where it is thought to be', async () => {
  await expect(set('cas', 1, 2)).rejects.toMatchObject({ status: 409, code: 'changed-meanwhile' });
  await set('cas', 1, null);
  await expect(set('cas', 2, null)).rejects.toMatchObject({ code: 'changed-meanwhile' });
  expect(await set('cas', 2, 1)).toMatchObject({ version: 2, revision: 2 });
  // the answer was lost and the call is made again
  expect(await set('cas', 2, 1)).toMatchObject({ version: 2, revision: 2 });
  expect(await history('cas')).toEqual([2, 1]);
});

test('of many who move it from the same place at once, one does', async () => {
  await set('race', 1);
  const moves = await Promise.allSettled(Array.from({ length: 12 }, (_, i) => set('race', 2 + (i % 2), 1)));
  const { aliases } = await client.call(getAdapter, { params: { adapter } });
  expect(await history('race')).toEqual([aliases['race'], 1]);
  const refused = moves.flatMap((move) => (move.status === 'rejected' ? [move.reason as { code: string }] : []));
  expect(refused.length).toBeGreaterThanOrEqual(6);
  expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['changed-meanwhile']));
});

test('a rollback goes back one step, a second one undoes it, and what was withdrawn stays away', async () => {
  await set('back', 1);
  await expect(rollback('back')).rejects.toMatchObject({ code: 'nothing-before' });
  await set('back', 3);
  await expect(rollback('back', 1)).rejects.toMatchObject({ code: 'changed-meanwhile' });
  expect(await rollback('back', 3)).toMatchObject({ version: 1 });
  expect(await rollback('back')).toMatchObject({ version: 3 });
  expect(await history('back')).toEqual([3, 1, 3, 1]);
});

test('a removed alias keeps its history and can be rolled back', async () => {
  await set('off', 2);
  const remove = () => client.call(deleteAlias, { params: { adapter, alias: 'off' } });
  await remove();
  await remove();
  expect((await client.call(getAdapter, { params: { adapter } })).aliases).not.toHaveProperty('off');
  expect(await history('off')).toEqual([null, 2]);
  expect(await rollback('off')).toMatchObject({ version: 2, revision: 3 });
});

test('an adapter has as many aliases as the limit says, and not one more', async () => {
  const { aliases } = await client.call(getAdapter, { params: { adapter } });
  const free = limits.aliasesMax - Object.keys(aliases).filter((alias) => alias !== 'latest').length;
  for (let i = 0; i < free; i++) await set(`many-${i}`, 1);
  await expect(set('one-more', 1)).rejects.toMatchObject({ code: 'too-many-aliases' });
  await set('many-0', 2);
});
