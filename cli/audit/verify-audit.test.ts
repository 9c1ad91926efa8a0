import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { verifyAudit, type AuditScope } from './verify-audit.ts';
import { createAdapter } from '../../shared/contract/adapters.ts';
import { getSigningKey, listAudit, listAuditSeals } from '../../shared/contract/audit.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createKey } from '../../shared/contract/keys.ts';
import { limits } from '../../shared/limits.ts';
import { openFileSigner } from '../../shared/local/file-signer.ts';
import type { StoredRecord } from '../../shared/platform/ports.ts';
import { auditPartition, keys } from '../../shared/records/keys.ts';
import { createTeam } from '../../shared/records/teams.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { p256Signer } from '../../test/support/p256-signer.ts';
import { sealAudits } from '../../functions/sealer/seal-audits.ts';

const hour = 3_600_000;
let api: LocalApi;
let client: ApiClient;
beforeEach(async () => {
  api = await openLocalApi();
  // at the beginning of an hour, so that what a test does is in one
  api.pass(hour - (api.world.now() % hour));
  await createTeam(api.world, 'blue', async () => undefined);
  client = await api.client();
});
afterEach(() => api.close());

const seal = (world = api.world): Promise<void> =>
  sealAudits(world, {
    log: (_, error) => {
      throw error;
    },
  });
const make = (name: string) => client.call(createKey, { body: { name, scopes: ['jobs:read'] } });
const verify = async (scope: Partial<AuditScope> = {}) =>
  verifyAudit(client, { keys: [await client.call(getSigningKey, {})], ...scope });

/** Three hours with rows, and one between them without. */
async function threeHours(): Promise<void> {
  await make('first');
  api.pass(hour);
  await make('second');
  await make('third');
  api.pass(2 * hour);
  await make('fourth');
  api.pass(hour + 1000 * limits.auditSealDelaySeconds);
  await seal();
}

const rowsAgo = async (hours: number): Promise<readonly StoredRecord[]> => {
  const partition = auditPartition('blue', new Date(api.world.now() - hour * hours).toISOString().slice(0, 13));
  return (await api.world.table.query({ partition, limit: 100 })).records;
};

test('an hour is sealed once it is surely over, and only if it has rows; sealing again changes nothing', async () => {
  await threeHours();
  const { items } = await client.call(listAuditSeals, { query: {} });
  expect(items.map(({ statement: { number, rows } }) => [number, rows])).toEqual([
    // the team itself is made by a key
    [1, 2],
    [2, 2],
    [3, 1],
  ]);
  await seal();
  expect(await client.call(listAuditSeals, { query: {} })).toEqual({ items });
  expect(await verify()).toMatchObject({ findings: [], rows: 5, hours: 3, unsigned: 0, last: { number: 3 } });
});

test('an hour whose writes may still be on their way is not sealed', async () => {
  await make('first');
  api.pass(hour + 1000 * limits.auditSealDelaySeconds - 1000);
  await seal();
  expect((await client.call(listAuditSeals, { query: {} })).items).toEqual([]);
  api.pass(1000);
  await seal();
  expect((await client.call(listAuditSeals, { query: {} })).items).toHaveLength(1);
});

test('many who seal at once make one chain', async () => {
  await make('first');
  api.pass(hour);
  await make('second');
  api.pass(hour + 1000 * limits.auditSealDelaySeconds);
  await Promise.all(Array.from({ length: 8 }, () => seal()));
  await seal();
  expect(await verify()).toMatchObject({ seals: 2, findings: [] });
});

describe('what was done to the audit afterwards is found:', () => {
  const found = async (scope: Partial<AuditScope> = {}) =>
    (await verify(scope)).findings.map(({ message }) => message).join('; ');
  beforeEach(threeHours);

  test('a row that was changed', async () => {
    const [row] = await rowsAgo(3);
    if (!row) throw new Error('the hour has rows');
    await api.world.table.put({ key: row.key, value: { ...row.value, keyId: 'someone-else' } });
    expect(await found()).toBe('a row is not what was sealed');
  });

  test('a row that was dropped', async () => {
    const [row] = await rowsAgo(3);
    if (!row) throw new Error('the hour has rows');
    await api.world.table.delete(row.key);
    expect(await found()).toBe('2 rows were sealed, and there are 1');
  });

  test('a row that was added, to an hour with rows and to one without', async () => {
    for (const ago of [3, 2]) {
      const at = new Date(api.world.now() - hour * ago).toISOString();
      const value = { at, action: 'x', resource: 'y', keyId: 'k', requestId: 'r' };
      await api.world.table.put({ key: keys.audit('blue', at, 'r', 1), value });
    }
    expect(await found()).toBe(
      '2 rows were sealed, and there are 3; the hour was sealed as empty, and there are 1 rows',
    );
  });

  test('a seal that was made to fit', async () => {
    const key = keys.auditSeal('blue', 2);
    const record = await api.world.table.get(key);
    const { statement, ...rest } = (record?.value ?? {}) as { statement?: object }; // as it is written
    await api.world.table.put({ key, value: { ...rest, statement: { ...statement, rows: 1 } } });
    expect(await found()).toMatch(
      /its signature is not one of what it says.*it does not follow from the seal before.*1 rows were sealed/,
    );
  });

  test('a seal that is missing in the chain, and a chain that was cut off at its end', async () => {
    const { last } = await verify();
    await api.world.table.delete(keys.auditSeal('blue', 3));
    expect(await found()).toBe('');
    expect(await found(last ? { seen: last } : {})).toBe('it was seen before, and is gone');
    await api.world.table.delete(keys.auditSeal('blue', 1));
    expect(await found()).toMatch(/it stands in place 1: a seal is missing.*it does not follow/);
  });

  test('a chain that was made anew with another key', async () => {
    const signer = await openFileSigner(`${api.folder}/other.key`);
    const { last } = await verify();
    for (const number of [1, 2, 3]) await api.world.table.delete(keys.auditSeal('blue', number));
    await api.world.table.delete(keys.auditHead('blue'));
    await seal({ ...api.world, signer });
    expect(await found()).toMatch(/it is signed by the key .{64}, which is not trusted/);
    expect(await found({ keys: [await signer.key()], ...(last ? { seen: last } : {}) })).toMatch(
      /when it was seen before/,
    );
  });
});

test('a platform without a key seals and says that nothing is signed', async () => {
  const { signer: _, ...unsigned } = api.world;
  await make('first');
  api.pass(hour + 1000 * limits.auditSealDelaySeconds);
  await seal(unsigned);
  expect(await verify()).toMatchObject({ unsigned: 1, findings: [] });
  // from here on it has one
  await make('second');
  api.pass(hour + 1000 * limits.auditSealDelaySeconds);
  await seal();
  expect(await verify()).toMatchObject({ unsigned: 1, seals: 2, findings: [] });
});

test('a seal that is not signed after one that is has lost its signature, or its platform its key', async () => {
  await threeHours();
  const { signer: _, ...unsigned } = api.world;
  await make('fifth');
  api.pass(hour + 1000 * limits.auditSealDelaySeconds);
  await seal(unsigned);
  const { findings } = await verify();
  expect(findings.map(({ where, message }) => `${where}: ${message}`)).toEqual([
    'seal 4: it is not signed, and one before it is',
  ]);
});

test('where a key was replaced by one of another kind, both are to be trusted', async () => {
  await threeHours();
  const first = await client.call(getSigningKey, {});
  const second = p256Signer();
  await make('fifth');
  api.pass(hour + 1000 * limits.auditSealDelaySeconds);
  await seal({ ...api.world, signer: second });
  expect(await verify({ keys: [first, second.key] })).toMatchObject({ seals: 4, unsigned: 0, findings: [] });
  for (const [keys, where] of [
    [[first], ['seal 4']],
    [[second.key], ['seal 1', 'seal 2', 'seal 3']],
  ] as const)
    expect((await verify({ keys })).findings.map((finding) => finding.where)).toEqual(where);
});

test('the audit is asked by time, key, action, resource and outcome, page by page', async () => {
  // after what the test itself began with, in whatever millisecond that was
  api.pass(1000);
  const from = new Date(api.world.now()).toISOString();
  await make('first');
  api.pass(26 * hour);
  const other = await api.client('blue', { scopes: ['keys:admin'] });
  const { key } = await other.call(createKey, { body: { name: 'second', scopes: ['keys:admin'] } });
  const body = { name: 'x', base: 'none' };
  await expect(other.call(createAdapter, { body })).rejects.toMatchObject({ status: 403 });
  const ask = async (query: object) =>
    (await client.call(listAudit, { query: { from, ...query } })).items.map(({ action }) => action);
  // what was refused stands at the beginning of its minute
  expect(await ask({})).toEqual(['key.create', 'createAdapter', 'key.create']);
  expect(await ask({ key: key.createdBy })).toHaveLength(2);
  expect(await ask({ outcome: 'denied' })).toEqual(['createAdapter']);
  expect(await ask({ action: 'key', outcome: 'done' })).toHaveLength(2);
  expect(await ask({ resource: `keys/${key.id}` })).toHaveLength(1);
  expect(await ask({ resource: 'keys/' })).toEqual([]);
  expect(await ask({ to: new Date(api.world.now() - hour).toISOString() })).toHaveLength(1);
});

test('a time that is none, or too long, is refused at its bound and one past it', async () => {
  const ask = (query: object) => client.call(listAudit, { query });
  const now = api.world.now();
  const from = new Date(now - limits.auditRangeDaysMax * 24 * hour).toISOString();
  const to = new Date(now).toISOString();
  await expect(ask({ from, to })).resolves.toBeDefined();
  const early = new Date(Date.parse(from) - 1).toISOString();
  for (const query of [
    { from: early, to },
    { day: '2026-01-01', from },
    { day: '2026-01-01', to },
    { from: to, to: from },
    { to },
  ])
    await expect(ask(query)).rejects.toMatchObject({ code: 'invalid-request' });
});

test('what a key was refused fills so many rows a minute and no more, from however many servers', async () => {
  const weak = await api.client('blue', { scopes: ['jobs:read'] });
  const attempt = () => weak.call(createKey, { body: { name: 'x', scopes: ['jobs:read'] } }).catch(() => undefined);
  api.pass(60_000 - (api.world.now() % 60_000));
  for (let n = 0; n < limits.auditDeniedPerMinuteMax - 1; n++) await attempt();
  const denied = async () =>
    (
      await client.call(listAudit, {
        query: { from: new Date(api.world.now() - 600_000).toISOString(), outcome: 'denied' },
      })
    ).items;
  expect(await denied()).toHaveLength(limits.auditDeniedPerMinuteMax - 1);
  for (let n = 0; n < 10; n++) await attempt();
  const rows = await denied();
  expect(rows).toHaveLength(limits.auditDeniedPerMinuteMax);
  expect(rows[0]).toMatchObject({
    detail: { code: 'missing-scope', more: expect.stringContaining('minute') as string },
  });
  api.pass(60_000);
  await attempt();
  expect(await denied()).toHaveLength(limits.auditDeniedPerMinuteMax + 1);
});
