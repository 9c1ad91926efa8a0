import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  createAdapter,
  deleteAdapter,
  getAdapter,
  listAdapters,
  listAliasHistory,
  restoreAdapter,
  setAlias,
  updateAdapter,
} from '../../shared/contract/adapters.ts';
import { listAudit } from '../../shared/contract/audit.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { getVersionManifest } from '../../shared/contract/manifests.ts';
import { listSharedAdapters, listShares, shareAdapter, unshareAdapter } from '../../shared/contract/shares.ts';
import { getVersion, getVersionChecks, listVersionFiles, listVersions } from '../../shared/contract/versions.ts';
import { limits } from '../../shared/limits.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { addTeam } from '../../test/support/add-team.ts';
import { publishMade } from '../../test/support/publish-made.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { pushVersion, tinyAdapter } from '../../test/support/send-upload.ts';

let api: LocalApi;
let blue: ApiClient;
let red: ApiClient;
let adapter = '';
let count = 0;
beforeAll(async () => {
  api = await openLocalApi();
  for (const team of ['blue', 'red', 'green']) await addTeam(api.world, team);
  [blue, red] = [await api.client('blue'), await api.client('red')];
  await putReadyBase(api.world, 'blue', 'tiny');
});
afterAll(() => api.close());
beforeEach(async () => {
  adapter = `french-${++count}`;
  await publishMade(api.world, api.caller(), { adapter, base: 'tiny', lineage: { origin: 'train' } });
});

const shared = () => ({ adapter: `blue:${adapter}` });
const share = (team = 'red') => blue.call(shareAdapter, { params: { adapter, team } });
const unshare = (team = 'red') => blue.call(unshareAdapter, { params: { adapter, team } });
const listed = async (client: ApiClient) =>
  (await client.call(listSharedAdapters, { query: {} })).items.filter(
    (item) => item.adapter.name === `blue:${adapter}`,
  );
const notThere = { status: 404, code: 'not-found' };

async function auditOf(client: ApiClient, resource: string) {
  const day = new Date(api.world.now()).toISOString().slice(0, 10);
  return (await client.call(listAudit, { query: { day, resource, limit: 100 } })).items;
}

test('an adapter is shared with teams that are there, not with its own, and by keys that may', async () => {
  const refused = (team: string) => expect(share(team)).rejects;
  await refused('nobody').toMatchObject({ status: 422, code: 'no-such-team' });
  await refused('blue').toMatchObject({ code: 'own-team' });
  await refused('Red').toMatchObject({ status: 400 });
  const contributor = await api.client('blue', { role: 'contributor' });
  const asContributor = contributor.call(shareAdapter, { params: { adapter, team: 'red' } });
  await expect(asContributor).rejects.toMatchObject({ code: 'missing-scope' });
  const maintainer = await api.client('blue', { role: 'maintainer' });
  const made = await maintainer.call(shareAdapter, { params: { adapter, team: 'red' } });
  expect(await share()).toEqual(made);
  expect((await blue.call(listShares, { params: { adapter } })).items).toEqual([made]);
  const none = blue.call(shareAdapter, { params: { adapter: 'none', team: 'red' } });
  await expect(none).rejects.toMatchObject(notThere);
});

test('as many teams as it says, and not one more', async () => {
  for (let n = 0; n <= limits.sharesMax; n++) {
    await addTeam(api.world, `many-${n}`);
    if (n < limits.sharesMax) await share(`many-${n}`);
  }
  await expect(share(`many-${limits.sharesMax}`)).rejects.toMatchObject({ code: 'too-many-shares' });
  await unshare('many-0');
  await share(`many-${limits.sharesMax}`);
  // with as many tags as it may have, all of it is one transaction
  const tags = Array.from({ length: limits.tagsMax }, (_, n) => `tag-${n}`);
  await blue.call(updateAdapter, { params: { adapter }, body: { tags } });
  await blue.call(deleteAdapter, { params: { adapter } });
  expect(await listed(await api.client(`many-${limits.sharesMax}`))).toEqual([]);
});

test('the other team reads all of it under the name of its owner, and nobody else does', async () => {
  const { since } = await share();
  expect(await listed(red)).toMatchObject([{ team: 'blue', since, adapter: { name: `blue:${adapter}`, versions: 1 } }]);
  expect((await red.call(listSharedAdapters, { query: { team: 'green' } })).items).toEqual([]);
  expect((await red.call(listAdapters, { query: {} })).items).toEqual([]);
  expect(await red.call(getAdapter, { params: shared() })).toMatchObject({ name: `blue:${adapter}` });
  const at = { ...shared(), version: 'latest' };
  const version = await red.call(getVersion, { params: at });
  expect(version).toMatchObject({ adapter: `blue:${adapter}`, version: 1 });
  expect((await red.call(listVersions, { params: shared(), query: {} })).items).toEqual([version]);
  await red.call(getVersionChecks, { params: at });
  expect((await red.call(getVersionManifest, { params: at })).manifest).toMatchObject({ team: 'blue', name: adapter });
  const { files } = await red.call(listVersionFiles, { params: at });
  expect((await api.fetch(files[0]?.url ?? '')).status).toBe(200);
  const history = { ...shared(), alias: 'latest' };
  expect((await red.call(listAliasHistory, { params: history, query: {} })).items).toHaveLength(1);
  const green = await api.client('green');
  await expect(green.call(getAdapter, { params: shared() })).rejects.toMatchObject(notThere);
  await expect(blue.call(getAdapter, { params: shared() })).rejects.toMatchObject(notThere);
  expect(await listed(green)).toEqual([]);
});

test('what is not published is not shown', async () => {
  await share();
  const files = await tinyAdapter(2);
  const { id } = await pushVersion(api, blue, adapter, { base: 'tiny', files });
  expect((await blue.call(listVersions, { params: { adapter }, query: {} })).items).toHaveLength(2);
  expect((await red.call(listVersions, { params: shared(), query: {} })).items).toHaveLength(1);
  await expect(red.call(getVersion, { params: { ...shared(), version: id } })).rejects.toMatchObject(notThere);
  await api.settle();
  expect(await red.call(getVersion, { params: { ...shared(), version: id } })).toMatchObject({ version: 2 });
});

test('it is not written, and both teams can read in their audits that somebody tried', async () => {
  await share();
  const refused = { status: 403, code: 'shared-read-only' };
  const calls = [
    red.call(updateAdapter, { params: shared(), body: { description: 'ours' } }),
    red.call(deleteAdapter, { params: shared() }),
    red.call(setAlias, { params: { ...shared(), alias: 'production' }, body: { version: 1 } }),
    red.call(shareAdapter, { params: { ...shared(), team: 'green' } }),
    red.call(listShares, { params: shared() }),
  ];
  for (const call of calls) await expect(call).rejects.toMatchObject(refused);
  const rows = [await auditOf(blue, `/v1/adapters/blue%3A${adapter}`), await auditOf(red, '/v1/adapters')];
  for (const [at, team] of ['red', undefined].entries()) {
    expect(rows[at]).toHaveLength(calls.length);
    for (const row of rows[at] ?? [])
      expect(row).toMatchObject({ outcome: 'denied', detail: { code: 'shared-read-only' } });
    for (const row of rows[at] ?? []) expect(row.team).toBe(team);
  }
  expect((await blue.call(getAdapter, { params: { adapter } })).description).toBe('');
});

test('once it is taken back it is as if it had never been there, at once', async () => {
  const telling = async (ref: string) => {
    const error: unknown = await red.call(getAdapter, { params: { adapter: ref } }).catch((caught: unknown) => caught);
    return (error as Error).message.replaceAll(ref, '*');
  };
  await share();
  await red.call(getAdapter, { params: shared() });
  await unshare();
  expect(await telling(`blue:${adapter}`)).toBe(await telling('blue:never-was'));
  const write = red.call(deleteAdapter, { params: shared() });
  await expect(write).rejects.toMatchObject(notThere);
  expect(await listed(red)).toEqual([]);
  await expect(unshare()).rejects.toMatchObject(notThere);
});

test('both audits tell what was given and taken, by whom', async () => {
  await share();
  await unshare();
  const told = async (client: ApiClient, of: string) =>
    (await auditOf(client, of)).map(({ action, team }) => [action, team]);
  expect((await told(blue, `adapters/${adapter}`)).slice(0, 2)).toEqual([
    ['adapter.unshare', undefined],
    ['adapter.share', undefined],
  ]);
  expect(await told(red, `adapters/blue:${adapter}`)).toEqual([
    ['adapter.taken', 'blue'],
    ['adapter.given', 'blue'],
  ]);
});

test('a deleted adapter is shared no more, neither when it is brought back nor when another takes its name', async () => {
  await share();
  await blue.call(deleteAdapter, { params: { adapter } });
  await expect(red.call(getAdapter, { params: shared() })).rejects.toMatchObject(notThere);
  expect((await auditOf(red, `adapters/blue:${adapter}`))[0]).toMatchObject({ action: 'adapter.taken' });
  await blue.call(restoreAdapter, { params: { adapter } });
  await expect(red.call(getAdapter, { params: shared() })).rejects.toMatchObject(notThere);
  await share();
  await blue.call(deleteAdapter, { params: { adapter } });
  await blue.call(createAdapter, { body: { name: adapter, base: 'tiny' } });
  await expect(red.call(getAdapter, { params: shared() })).rejects.toMatchObject(notThere);
  expect(await listed(red)).toEqual([]);
});

test('a key with a prefix shares and sees what has it', async () => {
  const names = ['search-eu', 'other'];
  for (const name of names) {
    await publishMade(api.world, api.caller(), { adapter: name, base: 'tiny', lineage: { origin: 'train' } });
    await blue.call(shareAdapter, { params: { adapter: name, team: 'green' } });
  }
  const bound = await api.client('green', { adapterPrefix: 'search-' });
  const { items } = await bound.call(listSharedAdapters, { query: {} });
  expect(items.map((item) => item.adapter.name)).toEqual(['blue:search-eu']);
  await bound.call(getAdapter, { params: { adapter: 'blue:search-eu' } });
  for (const operation of [getAdapter, deleteAdapter])
    await expect(bound.call(operation, { params: { adapter: 'blue:other' } })).rejects.toMatchObject(notThere);
  const sharer = await api.client('blue', { adapterPrefix: 'search-' });
  await sharer.call(shareAdapter, { params: { adapter: 'search-eu', team: 'red' } });
  const outside = sharer.call(shareAdapter, { params: { adapter: 'other', team: 'red' } });
  await expect(outside).rejects.toMatchObject(notThere);
});
