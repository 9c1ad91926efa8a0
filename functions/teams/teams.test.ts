import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createApiClient } from '../../shared/contract/api-client.ts';
import { listAudit } from '../../shared/contract/audit.ts';
import { createKey, listKeys, revokeKey, whoAmI } from '../../shared/contract/keys.ts';
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
    newId: () => 'id',
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
  expect([team, own]).toEqual(['blue', key]);
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
