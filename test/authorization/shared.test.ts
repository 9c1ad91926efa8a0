import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allHandlers } from '../../functions/dev-server/all-handlers.ts';
import { createApi } from '../../functions/http/create-api.ts';
import { handler } from '../../functions/http/handler.ts';
import { createAdapter, deleteAdapter, updateAdapter } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import type { Operation } from '../../shared/contract/operation.ts';
import { operations } from '../../shared/contract/operations.ts';
import { listSharedAdapters, shareAdapter, unshareAdapter } from '../../shared/contract/shares.ts';
import { splitRef } from '../../shared/domain/adapter-ref.ts';
import { adapterWrite, getAdapterRecord, presentAdapter, readAdapter } from '../../shared/records/adapters.ts';
import { newId } from '../../shared/records/commit.ts';
import { auditPartition, keys, lists } from '../../shared/records/keys.ts';
import { addTeam } from '../support/add-team.ts';
import type { LocalApi } from '../support/local-api.ts';
import { putReadyBase } from '../support/ready-base.ts';
import { storeDataset } from '../support/stored-things.ts';
import { calls, type AllowedCall, type Call } from './calls.ts';
import { compareCalls, namesTold, send, type Comparison } from './compare-calls.ts';
import { openFixture, type Fixture } from './fixture.ts';
import { snapshotOf, watchStore } from './watch-store.ts';

let f: Fixture;
let reader: ApiClient;
let key: string;
let otherTeam: string;
let compared: Comparison;
const own = { base: 'readers-base', dataset: 'readers-rows' };
beforeAll(async () => {
  f = await openFixture();
  const text = { prompt: 'Hi', text: ' there', tokens: 1, end: 'length' as const };
  const generator = { generate: async () => ({ texts: [text], seconds: 0 }), close: async () => undefined };
  Object.assign(f.api.deps, { generator });
  compared = compareCalls(f.api, watchStore(f.api.world.table));
  otherTeam = await f.otherTeam();
  [reader, key] = [await f.api.client(otherTeam), await f.api.key(otherTeam)];
  await putReadyBase(f.api.world, otherTeam, own.base);
  await storeDataset(f.api.world, f.api.caller(otherTeam), own.dataset, [{ prompt: 'a', completion: 'b' }]);
});
afterAll(async () => {
  console.log(`authorization: ${compared.count} cases of what is shared`);
  await f.api.close();
});

const share = (adapter: string) => f.blue.call(shareAdapter, { params: { adapter, team: otherTeam } });
const unshare = (adapter: string) => f.blue.call(unshareAdapter, { params: { adapter, team: otherTeam } });

/** How whoever an adapter is shared with uses it elsewhere than below its own path. */
const uses: Readonly<Record<string, (adapter: string) => Call>> = {
  createComposition: (adapter) => ({ body: { name: f.name(), type: 'cat', members: [{ adapter }] } }),
  createJob: (adapter) => ({ body: { kind: 'evaluate', adapter, ...own }, query: { dryRun: 'true' } }),
  generateText: (adapter) => ({ body: { adapter, prompts: [{ prompt: 'Hi' }] } }),
  listLineage: (adapter) => ({ query: { of: `adapters/${adapter}@1`, direction: 'down' } }),
};

interface SharedCall {
  readonly adapter: string;
  readonly about: (adapter: string) => Call;
}

/** A call of an operation about an adapter of blue's; undefined: it is about none. */
async function sharedCall({ operationId }: Operation, prepared: AllowedCall): Promise<SharedCall | undefined> {
  const use = uses[operationId];
  if (use) return { adapter: await f.adapter(1), about: use };
  const { adapter } = prepared.params ?? {};
  if (adapter === undefined) return undefined;
  const isThere = operationId !== 'beginUpload' && operationId !== 'restoreAdapter';
  const about = (name: string): Call => ({ ...prepared, params: { ...prepared.params, adapter: name } });
  return { adapter: isThere ? adapter : await f.adapter(1), about };
}

const reads = ({ operationId, readsShared }: Operation): boolean => readsShared || Object.hasOwn(uses, operationId);

/** What an operation does about an adapter that is shared, where that is wrong. */
async function wrongAbout(api: Pick<LocalApi, 'fetch'>, operation: Operation, call: Call): Promise<string[]> {
  const before = snapshotOf(f.api);
  const { status, text } = await send(api, operation, call, `Bearer ${key}`);
  const isChanged = snapshotOf(f.api) !== before;
  const makesOwn = operation.operationId === 'createComposition';
  const expected = reads(operation) ? operation.status : 403;
  return [
    ...(status === expected ? [] : [`${operation.operationId} answers ${status}: ${text}`]),
    ...(status === 403 && !text.includes('shared-read-only') ? [`${operation.operationId} says ${text}`] : []),
    ...(isChanged && !makesOwn ? [`${operation.operationId} has changed something`] : []),
  ];
}

/** Rows of blue's audit of what the other team's key was refused. */
async function refusedOfBlue(operationId: string): Promise<number> {
  const hours = [0, 1].map((ago) => new Date(f.api.world.now() - 3_600_000 * ago).toISOString().slice(0, 13));
  const pages = hours.map((hour) => f.api.world.table.query({ partition: auditPartition('blue', hour), limit: 1000 }));
  const rows = (await Promise.all(pages)).flatMap(({ records }) => records.map(({ value }) => value));
  return rows.filter((row) => row['action'] === operationId && row['team'] === otherTeam).length;
}

test('what reads the adapters of others changes nothing', () => {
  const wrong = (some: readonly Operation[]): string[] =>
    some.filter(({ readsShared, method }) => readsShared && method !== 'get').map(({ operationId }) => operationId);
  expect(wrong([{ ...updateAdapter, readsShared: true }])).toEqual(['updateAdapter']);
  expect(wrong(operations)).toEqual([]);
});

describe.each(operations)('$operationId', (operation) => {
  let prepared: AllowedCall;
  let shared: SharedCall | undefined;
  beforeAll(async () => {
    prepared = (await calls[operation.operationId]?.(f)) ?? {};
    shared = await sharedCall(operation, prepared);
  });

  test('reads what is shared, or is refused it and tells its owner', async () => {
    if (!shared) return;
    await share(shared.adapter);
    const refused = await refusedOfBlue(operation.operationId);
    // a key has so many places a minute for what it was refused
    f.api.pass(60_000);
    expect(await wrongAbout(f.api, operation, shared.about(`blue:${shared.adapter}`))).toEqual([]);
    if (!reads(operation)) expect(await refusedOfBlue(operation.operationId)).toBe(refused + 1);
  });

  test('finds nothing where it is shared no more, as where there never was anything', async () => {
    if (!shared) return;
    const { adapter, about } = shared;
    await unshare(adapter);
    const before = snapshotOf(f.api);
    await compared.expectAlike(operation, about(`blue:${adapter}`), about('blue:none-1'), key);
    expect(snapshotOf(f.api)).toBe(before);
  });

  test('shows whoever reads an adapter nothing else', async () => {
    if (shared || operation.operationId === 'listSharedAdapters') return;
    // of its own, in which this call makes what it makes
    const team = `reader-${operation.operationId.toLowerCase()}`;
    await addTeam(f.api.world, team);
    await f.blue.call(shareAdapter, { params: { adapter: await f.adapter(1), team } });
    const other = await f.api.key(team);
    if (prepared.missing) return compared.expectAlike(operation, prepared, prepared.missing, other);
    const [{ text, ...answer }] = await compared.traced(operation, prepared, other);
    // that it was given an adapter is told
    const told = { ...answer, text: text.replaceAll(/blue:blue-\d+/g, '') };
    expect(namesTold(told, prepared)).toEqual([]);
  });
});

describe('the list of what is shared', () => {
  const listed = async (api: Pick<LocalApi, 'fetch'>): Promise<string[]> => {
    const { text } = await send(api, listSharedAdapters, {}, `Bearer ${key}`);
    return (JSON.parse(text) as { items: { adapter: { name: string } }[] }).items.map(({ adapter }) => adapter.name);
  };

  test('has nothing that was taken back, whatever else says so', async () => {
    const [there, gone] = [await f.adapter(0), await f.adapter(0)];
    await share(there);
    const { table } = f.api.world;
    await table.put({ key: keys.shared(otherTeam, `blue:${gone}`), value: { adapterId: 'adp_1' } });
    const names = await listed(f.api);
    expect([names.includes(`blue:${there}`), names.includes(`blue:${gone}`)]).toEqual([true, false]);
    const leaky = createApi(f.api.deps, [leakyList]);
    expect(await listed({ fetch: async (url, init) => leaky.fetch(new Request(url, init)) })).toContain(`blue:${gone}`);
  });

  test('takes no cursor of another team, and gives none', async () => {
    for (let n = 0; n < 2; n++) await share(await f.adapter(0));
    const { next = '' } = await reader.call(listSharedAdapters, { query: { limit: 1 } });
    expect(next).not.toBe('');
    const blue = f.blue.call(listSharedAdapters, { query: { cursor: next } });
    await expect(blue).rejects.toMatchObject({ status: 400, code: 'bad-cursor' });
    expect((await f.blue.call(listSharedAdapters, { query: { team: otherTeam } })).items).toEqual([]);
  });
});

/** Planted: it believes what the list says. */
const leakyList = handler(listSharedAdapters, async ({ world }) => {
  const { records } = await world.table.query({ partition: lists.adapters('blue'), index: 'index1', limit: 1000 });
  const adapters = records.map((record) => readAdapter(record));
  return {
    items: adapters.map(({ value, revision }) => ({
      team: 'blue',
      since: value.createdAt,
      adapter: presentAdapter({ value: { ...value, name: `blue:${value.name}` }, revision }),
    })),
  };
});

/** Planted: it takes the adapter of whichever team, and says that it only reads. */
const forgetful = handler({ ...updateAdapter, readsShared: true }, async ({ world }, { team }, { params, body }) => {
  const { owner = team, name } = splitRef(params.adapter);
  const { value, revision } = await getAdapterRecord(world.table, owner, name);
  const after = { ...value, description: body.description ?? '' };
  await world.table.transact([adapterWrite(after, revision)], { token: newId(world, 'tok') });
  return presentAdapter({ value: after, revision: revision + 1 });
});

test('a route that forgets whose adapter it is, is found', async () => {
  const adapter = await f.adapter(0);
  await share(adapter);
  const api = createApi(f.api.deps, [forgetful, ...allHandlers.filter(({ operation }) => operation !== updateAdapter)]);
  const call = { params: { adapter: `blue:${adapter}` }, body: { description: 'ours' } };
  const found = await wrongAbout(
    { fetch: async (url, init) => api.fetch(new Request(url, init)) },
    updateAdapter,
    call,
  );
  expect(found).toEqual([expect.stringMatching(/answers 200/), 'updateAdapter has changed something']);
});

test('an adapter of the same name as one that was shared is another one', async () => {
  const adapter = await f.adapter(0);
  await share(adapter);
  await f.blue.call(deleteAdapter, { params: { adapter } });
  await f.blue.call(createAdapter, { body: { name: adapter, base: await f.base() } });
  const operation = operations.find(({ operationId }) => operationId === 'getAdapter');
  if (!operation) throw new Error('there is such an operation');
  const about = (name: string): Call => ({ params: { adapter: name } });
  await compared.expectAlike(operation, about(`blue:${adapter}`), about('blue:none-1'), key);
});
