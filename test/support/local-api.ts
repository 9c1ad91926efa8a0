import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Hono } from 'hono';
import { allHandlers } from '../../functions/dev-server/all-handlers.ts';
import type { ApiDeps } from '../../functions/http/api-deps.ts';
import { createApi } from '../../functions/http/create-api.ts';
import { inspect } from '../../shared/upload-validation/inspect.ts';
import { createValidator } from '../../functions/validator/validator.ts';
import { createApiClient, type ApiClient } from '../../shared/contract/api-client.ts';
import { scopes } from '../../shared/contract/scopes.ts';
import { openLocalWorld, type LocalWorld } from '../../shared/local/local-world.ts';
import type { RunCommand } from '../../shared/local/process-runner.ts';
import type { RunInfo } from '../../shared/platform/ports.ts';
import { apiKeyWrite, makeKeyText, newApiKey, type ApiKeyRecord } from '../../shared/records/api-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { newId } from '../../shared/records/commit.ts';
import { secretsOfRuns } from './find-secrets.ts';

/** The whole API over a real local world in a folder of its own, without a port: requests go to `fetch`. */
export interface LocalApi {
  readonly world: LocalWorld;
  /** Where all of it is. */
  readonly folder: string;
  readonly deps: ApiDeps;
  /** Errors that the API called its own; a test that means to cause some takes them away. */
  readonly bugs: unknown[];
  /** Answers API calls and signed links. */
  fetch(url: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** A new key of a team. */
  key(team: string, given?: Partial<ApiKeyRecord>): Promise<string>;
  /** A client with a new key of this team. */
  client(team?: string, given?: Partial<ApiKeyRecord>): Promise<ApiClient>;
  /** For calling the records themselves. */
  caller(team?: string): Caller;
  /** Validates what was sent and drops what has expired, as the server does on its own. */
  settle(): Promise<void>;
  /** Sets the clock forward. */
  pass(milliseconds: number): void;
  /** Throws when there were bugs, or secrets in what jobs have printed. */
  close(): Promise<void>;
}

export interface LocalApiOptions {
  /** How a run is started; absent: it ends at once and does nothing. */
  readonly commandOf?: (run: RunInfo, folder: string) => RunCommand;
  /** Where a test lets it answer, if it does; signed links begin with it. */
  readonly baseUrl?: string;
  /** Of uploads that a job validates; absent: none. */
  readonly jobAboveBytes?: number;
  /** Where everything is kept and stays; absent: in a folder that goes when it is closed. */
  readonly keptIn?: string;
}

export async function openLocalApi({
  commandOf,
  baseUrl = 'http://127.0.0.1:7411',
  jobAboveBytes = Infinity,
  keptIn,
}: LocalApiOptions = {}): Promise<LocalApi> {
  const folder = keptIn ?? (await mkdtemp(join(tmpdir(), 'lorary-api-')));
  let passed = 0;
  const world = await openLocalWorld({
    folder,
    baseUrl,
    role: 'server',
    durability: 'process-death',
    commandOf: (run) => commandOf?.(run, folder) ?? { command: process.execPath, args: ['-e', ''], env: {} },
    now: () => Date.now() + passed,
  });
  const deps: ApiDeps = { world };
  const bugs: unknown[] = [];
  const api = createApi(deps, allHandlers, { onError: (error) => bugs.push(error) });
  const validator = createValidator({ world, inspect, jobAboveBytes }, { onError: (error) => bugs.push(error) });
  const app = new Hono().route('/', world.blobServer).mount('/', (request) => api.fetch(request));
  const send: LocalApi['fetch'] = async (url, init) => app.fetch(new Request(url, init));
  const key: LocalApi['key'] = async (team, given = {}) => {
    const made = makeKeyText((count) => world.randomBytes(count));
    const record = newApiKey(made, { team, name: 'test', scopes, createdBy: made.keyId, now: world.now() });
    await world.table.transact([apiKeyWrite({ ...record, ...given })], { token: newId(world, 'tok') });
    return made.text;
  };
  return {
    world,
    folder,
    deps,
    bugs,
    fetch: send,
    key,
    async client(team = 'blue', given = {}) {
      return createApiClient({
        url: baseUrl,
        key: await key(team, given),
        fetch: send,
        newId: () => newId(world, 'idem'),
        wait: async () => undefined,
      });
    },
    caller: (team = 'blue') => ({ team, keyId: 'test', scopes, requestId: newId(world, 'req') }),
    settle: () => validator.sweep(),
    pass: (milliseconds) => void (passed += milliseconds),
    async close() {
      // a run that ends later would write into a folder that is gone
      for (const { runId } of await world.runner.list()) await world.runner.cancel(runId);
      while ((await world.runner.list()).length > 0) await setTimeout(10);
      const told = await secretsOfRuns(folder);
      await world.close();
      if (keptIn === undefined) await rm(folder, { recursive: true, force: true });
      if (bugs.length > 0) throw new AggregateError(bugs, `the API had ${bugs.length} bugs: ${bugs.join('; ')}`);
      if (told.length > 0) throw new Error(`secrets in logs:\n${told.join('\n')}`);
    },
  };
}
