import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allHandlers } from '../../functions/dev-server/all-handlers.ts';
import { deleteAdapter, getAdapter } from '../../shared/contract/adapters.ts';
import { deleteComposition } from '../../shared/contract/compositions.ts';
import { deleteDataset } from '../../shared/contract/datasets.ts';
import { openApiDocument } from '../../shared/contract/openapi.ts';
import { createServiceAccount, updateServiceAccount } from '../../shared/contract/service-accounts.ts';
import { getVersion, listVersions } from '../../shared/contract/versions.ts';
import type { Operation } from '../../shared/contract/operation.ts';
import { operations } from '../../shared/contract/operations.ts';
import { scopes } from '../../shared/contract/scopes.ts';
import { limits } from '../../shared/limits.ts';
import { makeKeyText } from '../../shared/records/api-keys.ts';
import { auditPartition } from '../../shared/records/keys.ts';
import { calls, type AllowedCall, type Call } from './calls.ts';
import { compareCalls, namesTold, plain, send, type Comparison } from './compare-calls.ts';
import { openFixture, type Fixture } from './fixture.ts';
import { uncovered } from './uncovered.ts';
import { snapshotOf, watchStore, type StoreWatch } from './watch-store.ts';

let f: Fixture;
let store: StoreWatch;
let compared: Comparison;
/** Name of a service account that is. */
const disabled = 'disabled';
beforeAll(async () => {
  f = await openFixture();
  const text = { prompt: 'Hi', text: ' there', tokens: 1, end: 'length' as const };
  const generator = { generate: async () => ({ texts: [text], seconds: 0 }), close: async () => undefined };
  Object.assign(f.api.deps, { generator });
  store = watchStore(f.api.world.table);
  compared = compareCalls(f.api, store);
  await f.blue.call(createServiceAccount, { body: { name: disabled, role: 'owner' } });
  await f.blue.call(updateServiceAccount, { params: { account: disabled }, body: { disabled: true } });
});
afterAll(() => f.api.close());

const handled = new Set(allHandlers.map(({ operation }) => operation.operationId));
const called = new Set(Object.keys(calls));

async function auditRows(): Promise<Readonly<Record<string, unknown>>[]> {
  const hours = [0, 1].map((ago) => new Date(f.api.world.now() - 3_600_000 * ago).toISOString().slice(0, 13));
  const pages = hours.map((hour) =>
    f.api.world.table.query({ partition: auditPartition('blue', hour), limit: limits.queryRecordsMax }),
  );
  return (await Promise.all(pages)).flatMap(({ records }) => records.map(({ value }) => value));
}

describe('every operation', () => {
  test('has a scope, is answered, and is called here', () => {
    expect(uncovered(operations, handled, called)).toEqual([]);
  });

  test('is what the OpenAPI document has, each with the scope that it asks for', () => {
    const { paths = {} } = openApiDocument();
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, route]: [string, { 'x-scope'?: unknown }]) => `${method} ${path} ${String(route['x-scope'])}`,
      ),
    );
    const known = operations.map(({ method, path, scope }) => `${method} ${path} ${scope}`);
    expect(documented.toSorted()).toEqual(known.toSorted());
  });

  test('an operation that is planted without any of it is found', () => {
    const planted = { ...getAdapter, operationId: 'planted', scope: '' as never };
    expect(uncovered([planted, planted], handled, called)).toEqual([
      'planted declares no scope that a key can have',
      'planted is answered by no one',
      'planted has no call in test/authorization/calls.ts',
      'planted declares no scope that a key can have',
      'planted is answered by no one',
      'planted has no call in test/authorization/calls.ts',
      'planted is there twice',
      'get /v1/adapters/{adapter} is there twice',
    ]);
  });
});

test('a record more, and a look more, are seen', async () => {
  const before = snapshotOf(f.api);
  store.take();
  await f.blue.call(createServiceAccount, { body: { name: f.name(), role: 'reader' } });
  expect(snapshotOf(f.api)).not.toBe(before);
  expect(store.take()).toEqual(['get KEY', 'get idempotency', 'transact writes']);
});

const scopeOf = (operation: Operation, call: AllowedCall): string => call.scope ?? operation.scope;

/** Calls without a key that opens anything. */
let unopened = 0;
afterAll(() => {
  const cases = unopened + compared.count;
  console.log(`authorization: ${operations.length} routes, ${cases} refused or compared cases`);
});

/** Where an adapter decides whether there is anything; elsewhere a prefix changes nothing but what lists hold. */
const isOfAdapters = ({ path, operationId }: Operation): boolean =>
  /\{(adapter|composition|upload)\}/.test(path) ? operationId !== 'beginUpload' : operationId === 'createComposition';

describe.each(operations.filter(({ operationId }) => handled.has(operationId) && called.has(operationId)))(
  '$operationId',
  (operation) => {
    const prepare = calls[operation.operationId];
    const prepared = async (): Promise<AllowedCall> => {
      if (!prepare) throw new Error('only operations with a call are tested here');
      return prepare(f);
    };
    let call: AllowedCall;
    let right: string;
    let before: string;
    // what is refused below is what was allowed above, with one thing changed
    beforeAll(async () => {
      const first = await prepared();
      const needed = scopeOf(operation, first);
      const given = scopes.filter((scope) => scope === needed || gives.has(operation.operationId));
      const { status, text } = await send(
        f.api,
        operation,
        first,
        `Bearer hf_${await f.api.key('blue', { scopes: given })}`,
      );
      expect({ status, text }).toEqual({ status: operation.status, text });
      call = await prepared();
      right = await f.api.key('blue');
    });

    test('is refused alike without a key, and with one that is malformed, unknown, not right, revoked, expired or of a disabled account', async () => {
      const at = new Date(f.api.world.now()).toISOString();
      const bad = [
        undefined,
        'Basic bHJ5OmxyeQ==',
        'Bearer lry_nonsense',
        `Bearer ${right.slice(0, -1)}`,
        // a well-formed key that no one made
        `Bearer ${unknownKey()}`,
        `Bearer ${withWrongSecret(right)}`,
        `Bearer ${await f.api.key('blue', { revokedAt: at })}`,
        `Bearer ${await f.api.key('blue', { expiresAt: at })}`,
        `Bearer ${await f.api.key('blue', { serviceAccount: disabled })}`,
        `Bearer ${right}, Bearer ${right}`,
      ];
      unopened += bad.length;
      before = snapshotOf(f.api);
      const answers = await Promise.all(bad.map((authorization) => send(f.api, operation, call, authorization)));
      expect(answers.map(({ status }) => status)).toEqual(bad.map(() => 401));
      expect(new Set(answers.map(({ text, headers }) => `${plain(text)} ${JSON.stringify(headers)}`)).size).toBe(1);
      expect(snapshotOf(f.api)).toBe(before);
    });

    test('is refused to a key without its scope, which is named', async () => {
      const needed = scopeOf(operation, call);
      if (needed === 'any') return;
      const key = await f.api.key('blue', { scopes: scopes.filter((scope) => scope !== needed) });
      before = snapshotOf(f.api);
      const [{ status, text }] = await compared.traced(operation, call, key);
      expect([status, text.includes(needed)]).toEqual([403, true]);
      expect(snapshotOf(f.api)).toBe(before);
      const keyId = key.split('_')[1];
      const refused = (await auditRows()).filter((row) => row['keyId'] === keyId);
      expect(refused).toMatchObject([
        { action: operation.operationId, outcome: 'denied', detail: { code: 'missing-scope' } },
      ]);
    });

    test('shows another team nothing, and tells it nothing: what is not its own is as if it were not there', async () => {
      const key = await f.api.key(`red-${operation.operationId}`);
      before = snapshotOf(f.api);
      if (call.missing) {
        await compared.expectAlike(operation, call, call.missing, key);
        expect(snapshotOf(f.api)).toBe(before);
      } else {
        const [foreign] = await compared.traced(operation, call, key);
        expect(foreign.status).toBe(operation.status);
        expect(namesTold(foreign, call)).toEqual([]);
        expect(foreign.text).not.toContain('"team":"blue"');
      }
    });

    test('shows a key with another prefix nothing of adapters outside of it', async () => {
      const key = await f.api.key('blue', { adapterPrefix: 'none-' });
      before = snapshotOf(f.api);
      if (isOfAdapters(operation) && call.missing) await compared.expectAlike(operation, call, call.missing, key);
      else if (['createAdapter', 'beginUpload'].includes(operation.operationId))
        expect((await compared.traced(operation, call, key))[0]).toMatchObject({ status: 403 });
      else if (/^list(Adapters|Compositions)$/.test(operation.operationId))
        expect(namesTold((await compared.traced(operation, call, key))[0], call)).toEqual([]);
      else return;
      expect(snapshotOf(f.api)).toBe(before);
    });

    test('takes no cursor of another team', async () => {
      if (!('cursor' in operation.query.shape)) return;
      const page = await send(f.api, operation, { ...call, query: { ...call.query, limit: '1' } }, `Bearer ${right}`);
      const { next } = JSON.parse(page.text) as { readonly next?: string }; // every list answers it
      if (next === undefined) return;
      const red = await f.api.key('red');
      const [{ status }] = await compared.traced(operation, { ...call, query: { ...call.query, cursor: next } }, red);
      expect([400, 404]).toContain(status);
    });

    test('knows nothing of what was deleted, as if it had never been', async () => {
      const { adapter, dataset, composition } = call.params ?? {};
      // what looks for what was deleted finds it
      if (!call.missing || findsDeleted.has(operation.operationId)) return;
      let gone: Call = call;
      if (adapter !== undefined && isOfAdapters(operation)) await f.blue.call(deleteAdapter, { params: { adapter } });
      else if (composition !== undefined) await f.blue.call(deleteComposition, { params: { composition } });
      else if (dataset !== undefined) {
        gone = { ...call, params: { dataset: await f.newDataset() } };
        await f.blue.call(deleteDataset, { params: { dataset: gone.params?.['dataset'] ?? '' } });
      } else return;
      await compared.expectAlike(operation, gone, call.missing, right);
    });
  },
);

describe('what one team holds in hand is of no use to another', () => {
  test('the id of a version, below an adapter of its own', async () => {
    const adapter = await f.adapter(1);
    const { id } = await f.blue.call(getVersion, { params: { adapter, version: '1' } });
    const other = await f.adapter(0);
    await expect(f.blue.call(getVersion, { params: { adapter: other, version: id } })).rejects.toMatchObject({
      status: 404,
    });
  });

  test('the cursor of a list', async () => {
    const adapter = await f.adapter(2);
    const { next } = await f.blue.call(listVersions, { params: { adapter }, query: { limit: 1 } });
    const other = await f.adapter(2);
    const query = { limit: 1, ...(next === undefined ? {} : { cursor: next }) };
    await expect(f.blue.call(listVersions, { params: { adapter: other }, query })).rejects.toMatchObject({
      status: 400,
      code: 'bad-cursor',
    });
    expect((await f.blue.call(listVersions, { params: { adapter }, query })).items).toHaveLength(1);
  });
});

/** What is about things that were deleted. */
const findsDeleted: ReadonlySet<string> = new Set(['restoreAdapter', 'restoreDataset', 'eraseDataset', 'getErasure']);

/** Whoever calls these needs what is given beside their scope. */
const gives: ReadonlySet<string> = new Set(['createKey', 'createServiceAccount']);

function unknownKey(): string {
  return makeKeyText((count) => f.api.world.randomBytes(count)).text;
}

/** The id of a key with a secret and a checksum that are well-formed, and not its own. */
function withWrongSecret(key: string): string {
  const keyId = Buffer.from(key.split('_')[1] ?? '', 'hex');
  return makeKeyText((count) => (count === keyId.length ? keyId : f.api.world.randomBytes(count))).text;
}
