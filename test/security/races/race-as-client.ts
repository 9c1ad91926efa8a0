import { allHandlers } from '../../../functions/dev-server/all-handlers.ts';
import { createApi } from '../../../functions/http/create-api.ts';
import { getAdapter, setAlias } from '../../../shared/contract/adapters.ts';
import { ApiError, createApiClient, type ApiClient } from '../../../shared/contract/api-client.ts';
import { createKey, revokeKey, rotateKey } from '../../../shared/contract/keys.ts';
import { UnavailableError } from '../../../shared/errors.ts';
import type { RecordTable, World } from '../../../shared/platform/ports.ts';
import { parseKeyText } from '../../../shared/records/api-keys.ts';
import { newId } from '../../../shared/records/commit.ts';
import { publishVersion } from '../../../shared/records/publish-version.ts';
import { soundOutcome } from '../../support/version-outcome.ts';
import { clientCount, keyCount, platformCaller, promotedAdapter, type RaceFacts } from './facts.ts';
import { changed } from '../../support/changed.ts';
import type { Link, Told } from './told.ts';

export interface RaceClientOptions {
  readonly world: World;
  readonly facts: RaceFacts;
  /** From 0. */
  readonly client: number;
  readonly random: () => number;
  readonly told: Told[];
  readonly bugs: string[];
}

const promotionsEach = 3;
const rotationsEach = 3;
/** Fifty who all see the same have one winner, so most looks are in vain. */
const looksMax = 12;
const url = 'http://127.0.0.1:1';

/** Rotates keys, publishes, promotes, makes and revokes keys as one of fifty who do the same, and repeats whatever has no answer. */
export async function raceAsClient(options: RaceClientOptions): Promise<void> {
  try {
    // first, while all are in step
    await rotate(options);
    await publish(options);
    await promote(options);
    await changeKeys(options);
  } catch (error) {
    options.bugs.push(`client ${options.client}: ${String(error)}`);
  }
}

/** Another client publishes the same version. */
async function publish({ world, facts, client, told }: RaceClientOptions): Promise<void> {
  const versionId = facts.waiting[client % facts.waiting.length] ?? '';
  const caller = platformCaller(world, `client-${client}`);
  const { value } = await surely(() => publishVersion(world, caller, versionId, soundOutcome));
  told.push({ race: 'publish', versionId, number: value.version });
}

/** Moves the alias to the client's own version, but only from where it has seen it. */
async function promote({ world, facts, client, told }: RaceClientOptions): Promise<void> {
  const text = facts.clientKeys[client] ?? '';
  const api = clientOf(world, text);
  const keyId = parseKeyText(text)?.keyId ?? '';
  const to = client + 1;
  for (let looks = 0, moves = 0; looks < looksMax && moves < promotionsEach; looks++) {
    const { value: adapter } = await surely(() => api.call(getAdapter, { params: { adapter: promotedAdapter } }));
    const from = adapter.aliases['production'] ?? null;
    // nobody has moved it since; the last client finds it so for good
    if (from === to) continue;
    const params = { adapter: promotedAdapter, alias: 'production' };
    try {
      const { value } = await surely(() => api.call(setAlias, { params, body: { version: to, ifVersion: from } }));
      told.push({ race: 'promote', keyId, from, to, revision: value.revision });
      moves++;
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'changed-meanwhile') throw error;
      // an earlier try may have moved it before somebody else did
      told.push({ race: 'promote', keyId, from, to, revision: null });
    }
  }
}

/** Four others make the same key by the same call and revoke the same one. */
async function changeKeys({ world, facts, client, told }: RaceClientOptions): Promise<void> {
  const group = client % keyCount;
  const shared = clientOf(world, facts.sharedKey);
  const body = { name: `made ${group}`, scopes: ['adapters:read' as const] };
  const made = await surely(() => shared.call(createKey, { body, idempotencyKey: `group ${group}` }));
  const { key, secret } = made.value;
  told.push({ race: 'create', group, keyId: key.id, hasSecret: secret !== null });
  const keyId = facts.doomed[group] ?? '';
  await surely(() => clientOf(world, facts.clientKeys[client] ?? '').call(revokeKey, { params: { key: keyId } }));
  told.push({ race: 'revoke', keyId });
}

/** Four others, in other processes, rotate the same key at once: each tries until it has done so some times. */
async function rotate(options: RaceClientOptions): Promise<void> {
  const { facts, client } = options;
  // its neighbours are in other processes
  const text = facts.rotated[Math.floor((client * keyCount) / clientCount)] ?? '';
  for (let at = 0; at < rotationsEach; at++) await rotateOnce(options, parseKeyText(text)?.keyId ?? '', at);
}

async function rotateOnce({ world, facts, client, told }: RaceClientOptions, keyId: string, at: number): Promise<void> {
  const links: Link[] = [];
  const noted = { ...world, now: () => world.now(), table: notingLinks(world.table, links) };
  const api = clientOf(noted, facts.clientKeys[client] ?? '');
  for (let tries = 1; ; tries++)
    try {
      // long enough for whoever looks at the end
      const body = { overlapSeconds: 3600 };
      const call = { params: { key: keyId }, body, idempotencyKey: `rotation ${client} ${at} ${tries}` };
      const { value } = await surely(() => api.call(rotateKey, call));
      told.push({ race: 'rotate', keyId, secret: value.secret, links });
      return;
    } catch (error) {
      const isLate = error instanceof ApiError && error.code === 'changed-meanwhile';
      if (!isLate || tries === triesMax) throw error;
    }
}

/** Notes which secret took the place of which, as far as the store said that it did. */
function notingLinks(inner: RecordTable, links: Link[]): RecordTable {
  const transact: RecordTable['transact'] = async (writes, options) => {
    await inner.transact(writes, options);
    for (const write of writes) {
      if (!('put' in write) || !write.put.key.partition.startsWith('KEY#')) continue;
      const { secretSha256: after, previous } = write.put.value as unknown as Secrets; // what `rotateKey` writes
      if (previous) links.push({ before: previous.secretSha256, after });
    }
  };
  return changed(inner, { transact });
}

interface Secrets {
  readonly secretSha256: string;
  readonly previous?: { readonly secretSha256: string } | null;
}

function clientOf(world: World, key: string): ApiClient {
  const api = createApi({ world }, allHandlers);
  return createApiClient({
    url,
    key,
    fetch: async (input, init) => api.fetch(new Request(input, init)),
    newId: () => newId(world, 'idem'),
    wait: async () => undefined,
  });
}

/** Calls again until there is an answer. */
async function surely<T>(call: () => Promise<T>): Promise<{ readonly value: T }> {
  for (let tries = 1; ; tries++)
    try {
      return { value: await call() };
    } catch (error) {
      const isUnknown = error instanceof UnavailableError || (error instanceof ApiError && error.status === 503);
      if (!isUnknown || tries === triesMax) throw error;
    }
}

const triesMax = 500;
