import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allHandlers } from '../../functions/dev-server/all-handlers.ts';
import { getAdapter } from '../../shared/contract/adapters.ts';
import { getVersion, listVersions } from '../../shared/contract/versions.ts';
import type { Operation } from '../../shared/contract/operation.ts';
import { operations } from '../../shared/contract/operations.ts';
import { scopes } from '../../shared/contract/scopes.ts';
import { limits } from '../../shared/limits.ts';
import { makeKeyText } from '../../shared/records/api-keys.ts';
import { auditPartition } from '../../shared/records/keys.ts';
import { calls, type AllowedCall, type Call } from './calls.ts';
import { openFixture, type Fixture } from './fixture.ts';
import { sendCall } from './send-call.ts';
import { uncovered } from './uncovered.ts';

let f: Fixture;
beforeAll(async () => {
  f = await openFixture();
  const text = { prompt: 'Hi', text: ' there', tokens: 1, end: 'length' as const };
  const generator = { generate: async () => ({ texts: [text], seconds: 0 }), close: async () => undefined };
  Object.assign(f.api.deps, { generator });
});
afterAll(() => f.api.close());

const handled = new Set(allHandlers.map(({ operation }) => operation.operationId));
const called = new Set(Object.keys(calls));

const send = (operation: Operation, call: Call, authorization?: string) =>
  sendCall(f.api, 'http://127.0.0.1:7411', operation, call, authorization);

/** What the audit of the team says of the calls so far: what was done, unlike what was refused. */
async function changes(): Promise<number> {
  return (await auditRows()).filter(({ outcome }) => outcome === undefined).length;
}

async function auditRows(): Promise<Readonly<Record<string, unknown>>[]> {
  const hours = [0, 1].map((ago) => new Date(f.api.world.now() - 3_600_000 * ago).toISOString().slice(0, 13));
  const pages = hours.map((hour) =>
    f.api.world.table.query({ partition: auditPartition('blue', hour), limit: limits.queryRecordsMax }),
  );
  return (await Promise.all(pages)).flatMap(({ records }) => records.map(({ value }) => value));
}

/** An answer without the names of what it is about and without its id. */
const plain = (text: string): string =>
  text
    .replaceAll(/\b(blue|none)-\d+\b/g, '*')
    .replaceAll(/\b(req|upl|job|ver)_[0-9a-z]{16}\b/g, '*')
    .replaceAll(/\b[0-9a-f]{16}\b/g, '*');

describe('every operation', () => {
  test('has a scope, is answered, and is called here', () => {
    expect(uncovered(operations, handled, called)).toEqual([]);
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

const scopeOf = (operation: Operation, call: AllowedCall): string => call.scope ?? operation.scope;

describe.each(operations.filter(({ operationId }) => handled.has(operationId) && called.has(operationId)))(
  '$operationId',
  (operation) => {
    let call: AllowedCall;
    let right: string;
    beforeAll(async () => {
      const prepare = calls[operation.operationId];
      if (!prepare) throw new Error('only operations with a call are tested here');
      call = await prepare(f);
      right = await f.api.key('blue');
    });

    test('is refused alike without a key, and with one that is malformed, unknown, not right, revoked or expired', async () => {
      const before = await changes();
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
      ];
      const answers = await Promise.all(bad.map((authorization) => send(operation, call, authorization)));
      expect(answers.map(({ status }) => status)).toEqual(bad.map(() => 401));
      expect(new Set(answers.map(({ text }) => plain(text))).size).toBe(1);
      expect(await changes()).toBe(before);
    });

    test('is refused to a key without its scope, which is named', async () => {
      const needed = scopeOf(operation, call);
      if (needed === 'any') return;
      const before = await changes();
      const key = await f.api.key('blue', { scopes: scopes.filter((scope) => scope !== needed) });
      const { status, text } = await send(operation, call, `Bearer ${key}`);
      expect([status, text.includes(needed)]).toEqual([403, true]);
      expect(await changes()).toBe(before);
      const keyId = key.split('_')[1];
      const refused = (await auditRows()).filter((row) => row['keyId'] === keyId);
      expect(refused).toMatchObject([
        { action: operation.operationId, outcome: 'denied', detail: { code: 'missing-scope' } },
      ]);
    });

    test('shows another team nothing, and tells it nothing: what is not its own is as if it were not there', async () => {
      const before = await changes();
      const red = `Bearer ${await f.api.key(`red-${operation.operationId}`)}`;
      const foreign = await send(operation, call, red);
      if (call.missing) {
        const missing = await send(operation, call.missing, red);
        expect(foreign.status).toBeGreaterThanOrEqual(400);
        expect([foreign.status, plain(foreign.text)]).toEqual([missing.status, plain(missing.text)]);
      } else {
        expect(foreign.status).toBe(operation.status);
        const own = JSON.stringify(call.body ?? '');
        const names = foreign.text.match(/\bblue-\d+\b/g) ?? [];
        expect(names.filter((name) => !own.includes(name))).toEqual([]);
        expect(foreign.text).not.toContain('"team":"blue"');
      }
      expect(await changes()).toBe(before);
    });

    test('succeeds with the right key', async () => {
      const needed = scopeOf(operation, call);
      const given =
        needed === 'any' ? [] : scopes.filter((scope) => scope === needed || gives.has(operation.operationId));
      const key = await f.api.key('blue', { scopes: given });
      const { status, text } = await send(operation, call, `Bearer hf_${key}`);
      expect({ status, text }).toEqual({ status: operation.status, text });
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
