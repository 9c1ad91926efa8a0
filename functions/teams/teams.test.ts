import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createApiClient } from '../../shared/contract/api-client.ts';
import { listAudit } from '../../shared/contract/audit.ts';
import { createKey, listKeys, revokeKey, rotateKey, whoAmI } from '../../shared/contract/keys.ts';
import { roleScopes, scopes, type Role, type Scope } from '../../shared/contract/scopes.ts';
import { createServiceAccount, updateServiceAccount } from '../../shared/contract/service-accounts.ts';
import { limits } from '../../shared/limits.ts';
import { makeKeyText } from '../../shared/records/api-keys.ts';
import { createKeyUses } from '../../shared/records/api-key-uses.ts';
import { newId } from '../../shared/records/commit.ts';
import { keys } from '../../shared/records/keys.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';

let api: LocalApi;
let client: ApiClient;
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
});
afterAll(() => api.close());

const withKey = (key: string): ApiClient =>
  createApiClient({
    url: client.url,
    key,
    fetch: (input, init) => api.fetch(input, init),
    newId: () => newId(api.world, 'idem'),
    wait: async () => undefined,
  });
const today = (): string => new Date(api.world.now()).toISOString().slice(0, 10);

test('a key gives no more than it has, and each scope that is too much is named', async () => {
  const weak = await api.client('blue', { scopes: ['keys:admin', 'jobs:read'] });
  const refused = weak.call(createKey, { body: { name: 'more', scopes: ['jobs:read', 'jobs:run', 'audit:read'] } });
  await expect(refused).rejects.toMatchObject({
    status: 403,
    code: 'scope-beyond-own',
    findings: [{ where: 'jobs:run' }, { where: 'audit:read' }],
  });
  const past = weak.call(createKey, {
    body: { name: 'past', scopes: ['jobs:read'], expiresAt: '2020-01-01T00:00:00Z' },
  });
  await expect(past).rejects.toMatchObject({ code: 'already-expired' });
});

test('the secret is told once and kept nowhere', async () => {
  const call = { body: { name: 'once', scopes: ['jobs:read' as const] }, idempotencyKey: 'once' };
  const { key, secret } = await client.call(createKey, call);
  expect(await client.call(createKey, call)).toEqual({ key, secret: null });
  const { key: own, team } = await withKey(secret ?? '').call(whoAmI, {});
  expect([team, { ...own, lastUsedAt: null }]).toEqual(['blue', key]);
  const record = await api.world.table.get({ partition: `KEY#${key.id}`, sort: 'key' });
  expect(JSON.stringify(record)).not.toContain(secret?.slice(-49) ?? '');
});

test('a key that is revoked is refused at the next call, and revoking it again is no error', async () => {
  const { key, secret } = await client.call(createKey, { body: { name: 'short', scopes: ['jobs:read'] } });
  const short = withKey(secret ?? '');
  await short.call(whoAmI, {});
  await client.call(revokeKey, { params: { key: key.id } });
  await client.call(revokeKey, { params: { key: key.id } });
  await expect(short.call(whoAmI, {})).rejects.toMatchObject({ status: 401, code: 'unauthenticated' });
  const { items } = await client.call(listKeys, { query: {} });
  expect(items.find(({ id }) => id === key.id)?.revokedAt).not.toBeNull();
});

test('a key ends when its time is over', async () => {
  const expiresAt = new Date(api.world.now() + 60_000).toISOString();
  const { secret } = await client.call(createKey, { body: { name: 'brief', scopes: ['jobs:read'], expiresAt } });
  await withKey(secret ?? '').call(whoAmI, {});
  api.pass(60_000);
  await expect(withKey(secret ?? '').call(whoAmI, {})).rejects.toMatchObject({ status: 401 });
});

test('the audit of a day has every change, newest first, over the hours and page by page', async () => {
  const late = Date.parse(`${today()}T23:30:00Z`) - api.world.now();
  // into the last hour of a day, then of the next
  api.pass(late + 24 * 3_600_000);
  const day = today();
  const make = (name: string) => client.call(createKey, { body: { name, scopes: ['jobs:read'] } });
  api.pass(-2 * 3_600_000);
  await make('first');
  await make('second');
  api.pass(2 * 3_600_000);
  await make('third');
  const seen: string[] = [];
  for (let cursor: string | undefined; ;) {
    const query = { day, limit: 1, ...(cursor === undefined ? {} : { cursor }) };
    const page = await client.call(listAudit, { query });
    seen.push(...page.items.map(({ detail }) => String(detail?.['name'])));
    if (page.next === undefined) break;
    cursor = page.next;
  }
  expect(seen).toEqual(['third', 'second', 'first']);
  expect((await client.call(listAudit, { query: { day: '2020-01-01' } })).items).toEqual([]);
});

test('a key with a role has what the role has, and no one makes a key of a role above their own', async () => {
  const { key, secret } = await client.call(createKey, { body: { name: 'ada', role: 'maintainer' } });
  expect(key).toMatchObject({ role: 'maintainer', scopes: roleScopes.maintainer });
  const admin = await api.client('blue', { scopes: ['keys:admin', ...roleScopes.contributor] });
  await admin.call(createKey, { body: { name: 'eve', role: 'contributor' } });
  const more = admin.call(createKey, { body: { name: 'eve', role: 'owner' } });
  await expect(more).rejects.toMatchObject({
    code: 'scope-beyond-own',
    findings: expect.arrayContaining([expect.objectContaining({ where: 'aliases:promote' })]),
  });
  await expect(withKey(secret ?? '').call(listKeys, { query: {} })).rejects.toMatchObject({ code: 'missing-scope' });
  for (const body of [{ name: 'none' }, { name: 'both', role: 'reader' as const, scopes: ['jobs:read' as const] }])
    await expect(client.call(createKey, { body })).rejects.toMatchObject({ code: 'invalid-request' });
});

test('a key that was stored before there were roles works on, and one that could do everything still can', async () => {
  const made = makeKeyText((count) => api.world.randomBytes(count));
  const before = [
    'adapters:read',
    'adapters:write',
    'aliases:promote',
    'datasets:read',
    'datasets:write',
    'bases:write',
    'jobs:read',
    'jobs:run',
    'keys:admin',
    'audit:read',
  ];
  const put = async (scopes: readonly string[]): Promise<void> => {
    const at = new Date(api.world.now()).toISOString();
    const value = {
      id: made.keyId,
      team: 'blue',
      name: 'old',
      scopes,
      secretSha256: made.secretSha256,
      createdAt: at,
      createdBy: made.keyId,
      expiresAt: null,
      revokedAt: null,
    };
    await api.world.table.put({ key: keys.apiKey(made.keyId), value });
  };
  await put(before);
  expect((await withKey(made.text).call(whoAmI, {})).key).toMatchObject({ role: 'owner', scopes });
  await put(before.slice(1));
  expect((await withKey(made.text).call(whoAmI, {})).key).toMatchObject({ role: null, scopes: before.slice(1) });
});

test('after a rotation the old secret works for the overlap and not a moment longer, whatever the new one does', async () => {
  const { key, secret } = await client.call(createKey, { body: { name: 'turn', role: 'reader' } });
  const call = { params: { key: key.id }, body: { overlapSeconds: 60 }, idempotencyKey: 'turn' };
  const turned = await client.call(rotateKey, call);
  expect(turned.key).toMatchObject({ id: key.id, name: 'turn', role: 'reader' });
  expect((await client.call(rotateKey, call)).secret).toBeNull();
  for (const text of [secret, turned.secret]) await withKey(text ?? '').call(whoAmI, {});
  api.pass(59_000);
  await withKey(secret ?? '').call(whoAmI, {});
  api.pass(1000);
  await expect(withKey(secret ?? '').call(whoAmI, {})).rejects.toMatchObject({ status: 401 });
  const { overlapEndsAt } = (await withKey(turned.secret ?? '').call(whoAmI, {})).key;
  expect(overlapEndsAt).toBeNull();
  const again = await client.call(rotateKey, { params: { key: key.id }, body: {} });
  await expect(withKey(turned.secret ?? '').call(whoAmI, {})).rejects.toMatchObject({ status: 401 });
  await withKey(again.secret ?? '').call(whoAmI, {});
});

test('an overlap has a bound; a rotation tells no one a secret that may do more; what has ended is not rotated', async () => {
  const { key } = await client.call(createKey, { body: { name: 'strong', role: 'owner' } });
  const rotate = (overlapSeconds: number, by = client) =>
    by.call(rotateKey, { params: { key: key.id }, body: { overlapSeconds } });
  await rotate(limits.keyOverlapSecondsMax);
  for (const seconds of [limits.keyOverlapSecondsMax + 1, -1, 0.5])
    await expect(rotate(seconds)).rejects.toMatchObject({ code: 'invalid-request' });
  const weak = await api.client('blue', { scopes: ['keys:admin', 'jobs:read'] });
  await expect(rotate(0, weak)).rejects.toMatchObject({ status: 403, code: 'scope-beyond-own' });
  await client.call(revokeKey, { params: { key: key.id } });
  await expect(rotate(0)).rejects.toMatchObject({ status: 409, code: 'key-ended' });
});

test('revoking a key ends both of its secrets', async () => {
  const { key, secret } = await client.call(createKey, { body: { name: 'two', role: 'reader' } });
  const turned = await client.call(rotateKey, { params: { key: key.id }, body: { overlapSeconds: 600 } });
  await client.call(revokeKey, { params: { key: key.id } });
  for (const text of [secret, turned.secret])
    await expect(withKey(text ?? '').call(whoAmI, {})).rejects.toMatchObject({ status: 401 });
});

test('a key that ends makes none that ends later', async () => {
  const at = (seconds: number): string => new Date(api.world.now() + 1000 * seconds).toISOString();
  const { key, secret } = await client.call(createKey, { body: { name: 'short', role: 'owner', expiresAt: at(600) } });
  const short = withKey(secret ?? '');
  const made = await short.call(createKey, { body: { name: 'unsaid', role: 'reader' } });
  expect(made.key.expiresAt).toBe(key.expiresAt);
  await short.call(createKey, { body: { name: 'sooner', role: 'reader', expiresAt: at(60) } });
  const later = short.call(createKey, { body: { name: 'later', role: 'reader', expiresAt: at(6000) } });
  await expect(later).rejects.toMatchObject({ code: 'scope-beyond-own' });
});

test('a key with a prefix makes keys within it only, and knows no others', async () => {
  const { secret } = await client.call(createKey, {
    body: { name: 'search', role: 'owner', adapterPrefix: 'search-' },
  });
  const search = withKey(secret ?? '');
  const outside = await client.call(createKey, { body: { name: 'wide', role: 'reader' } });
  const inside = await search.call(createKey, { body: { name: 'unsaid', role: 'reader' } });
  const narrower = await search.call(createKey, {
    body: { name: 'narrow', role: 'reader', adapterPrefix: 'search-eu-' },
  });
  expect([inside.key.adapterPrefix, narrower.key.adapterPrefix]).toEqual(['search-', 'search-eu-']);
  const wider = search.call(createKey, { body: { name: 'wider', role: 'reader', adapterPrefix: 'search' } });
  await expect(wider).rejects.toMatchObject({ findings: [{ code: 'prefix-beyond-own' }] });
  const params = { key: outside.key.id };
  await expect(search.call(revokeKey, { params })).rejects.toMatchObject({ status: 404 });
  await expect(search.call(rotateKey, { params, body: {} })).rejects.toMatchObject({ status: 404 });
  const { items } = await search.call(listKeys, { query: {} });
  expect(items.every(({ adapterPrefix }) => adapterPrefix?.startsWith('search-'))).toBe(true);
});

test('a use is noted once a minute, in a record of its own, and a store that refuses it fails no call', async () => {
  const { key, secret } = await client.call(createKey, { body: { name: 'used', role: 'reader' } });
  const used = withKey(secret ?? '');
  const lastUsedAt = async (): Promise<string | null> => {
    await setTimeout(20);
    return (
      (await client.call(listKeys, { query: { limit: 100 } })).items.find(({ id }) => id === key.id)?.lastUsedAt ?? null
    );
  };
  expect(await lastUsedAt()).toBeNull();
  const revision = (await api.world.table.get(keys.apiKey(key.id)))?.revision;
  await used.call(whoAmI, {});
  const first = await lastUsedAt();
  expect(first).not.toBeNull();
  api.pass(1000 * limits.keyUseNoteSeconds - 5000);
  await used.call(whoAmI, {});
  expect(await lastUsedAt()).toBe(first);
  api.pass(5000);
  await used.call(whoAmI, {});
  expect(await lastUsedAt()).not.toBe(first);
  expect((await api.world.table.get(keys.apiKey(key.id)))?.revision).toBe(revision);
  const refusing = {
    ...api.world,
    table: Object.assign(Object.create(api.world.table), { put: () => Promise.reject(new Error('full')) }),
  };
  createKeyUses(refusing)(key.id);
});

describe('a service account', () => {
  const make = (name: string, role: Role) => client.call(createServiceAccount, { body: { name, role } });
  const keyOf = async (serviceAccount: string, more: { readonly scopes?: Scope[] } = {}): Promise<ApiClient> =>
    withKey((await client.call(createKey, { body: { name: 'runner', serviceAccount, ...more } })).secret ?? '');

  test('is disabled as a whole at once, and enabled again', async () => {
    await make('ci', 'contributor');
    const keysOfCi = [await keyOf('ci'), await keyOf('ci', { scopes: ['jobs:read'] })];
    for (const key of keysOfCi) await key.call(whoAmI, {});
    const set = (disabled: boolean) =>
      client.call(updateServiceAccount, { params: { account: 'ci' }, body: { disabled } });
    expect((await set(true)).disabledAt).not.toBeNull();
    for (const key of keysOfCi) await expect(key.call(whoAmI, {})).rejects.toMatchObject({ status: 401 });
    expect((await set(false)).disabledAt).toBeNull();
    for (const key of keysOfCi) await key.call(whoAmI, {});
    const { items } = await client.call(listKeys, { query: { serviceAccount: 'ci' } });
    expect(items.map(({ serviceAccount }) => serviceAccount)).toEqual(['ci', 'ci']);
  });

  test('bounds its keys by its role as that is now', async () => {
    await make('bound', 'maintainer');
    const key = await keyOf('bound');
    expect((await key.call(whoAmI, {})).key).toMatchObject({ role: 'maintainer', scopes: roleScopes.maintainer });
    await client.call(updateServiceAccount, { params: { account: 'bound' }, body: { role: 'reader' } });
    expect((await key.call(whoAmI, {})).key.scopes).toEqual(roleScopes.reader);
    await expect(keyOf('bound', { scopes: ['keys:admin'] })).rejects.toMatchObject({ code: 'scope-beyond-own' });
    await expect(keyOf('nobody')).rejects.toMatchObject({ code: 'no-such-service-account' });
    const weak = await api.client('blue', { scopes: ['keys:admin', ...roleScopes.reader] });
    const raise = weak.call(updateServiceAccount, { params: { account: 'bound' }, body: { role: 'owner' } });
    await expect(raise).rejects.toMatchObject({ code: 'scope-beyond-own' });
    await expect(make('bound', 'reader')).rejects.toMatchObject({ status: 409, code: 'name-taken' });
  });

  test('is named in the audit for what its keys do', async () => {
    await make('maker', 'owner');
    const { key } = await (await keyOf('maker')).call(createKey, { body: { name: 'by-maker', role: 'reader' } });
    const { items } = await client.call(listAudit, { query: { day: today(), limit: 100 } });
    expect(items.find(({ resource }) => resource === `keys/${key.id}`)).toMatchObject({ serviceAccount: 'maker' });
  });
});
