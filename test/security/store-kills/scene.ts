import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allHandlers } from '../../../functions/dev-server/all-handlers.ts';
import { createApi } from '../../../functions/http/create-api.ts';
import { sweepErasures } from '../../../functions/purger/sweep-erasures.ts';
import { sweepPurges } from '../../../functions/purger/sweep-purges.ts';
import { takeUpload } from '../../../functions/validator/take-upload.ts';
import { createValidator } from '../../../functions/validator/validator.ts';
import { createApiClient, type ApiClient } from '../../../shared/contract/api-client.ts';
import { openLocalWorld } from '../../../shared/local/local-world.ts';
import type { World } from '../../../shared/platform/ports.ts';
import { newId } from '../../../shared/records/commit.ts';
import { inspect } from '../../../shared/upload-validation/inspect.ts';

/** What operations need to know of the store that they begin with. */
export interface Facts {
  /** Milliseconds since 1970 when it was made. */
  readonly now: number;
  /** Text of a key that may do everything. */
  readonly key: string;
  /** Of a version that waits for its validation, and that version. */
  readonly uploadId: string;
  readonly versionId: string;
  /** Of a key that is good. */
  readonly keyId: string;
}

/** The platform over a data folder, as a client and its chores see it. */
export interface Scene {
  readonly facts: Facts;
  readonly client: ApiClient;
  /** Looks at the upload. */
  validate(): Promise<void>;
  /** What the server does when it has been started again. */
  sweep(): Promise<void>;
  /** Sets the clock forward. */
  pass(milliseconds: number): void;
  close(): Promise<void>;
}

export interface SceneOptions {
  /** Holds `data` and `facts.json`. */
  readonly folder: string;
  /** A server sweeps its folder when it starts. */
  readonly role: 'server' | 'job';
  readonly aheadMilliseconds?: number;
  readonly randomBytes?: (count: number) => Uint8Array;
  /** Stands between the platform and its store. */
  readonly through?: (world: World) => World;
}

const url = 'http://127.0.0.1:1';
const team = 'blue';

export async function openScene(options: SceneOptions): Promise<Scene> {
  const { folder, role, aheadMilliseconds = 0, randomBytes, through = (world) => world } = options;
  const facts = JSON.parse(readFileSync(join(folder, 'facts.json'), 'utf8')) as Facts; // written by `writeTemplate`
  let now = facts.now + aheadMilliseconds;
  const local = await openLocalWorld({
    folder: join(folder, 'data'),
    baseUrl: url,
    role,
    durability: 'process-death',
    // of its own, so that the same calls write the same
    now: () => now,
    ...(randomBytes ? { randomBytes } : {}),
    commandOf: () => ({ command: process.execPath, args: ['-e', ''], env: {} }),
  });
  const world = through(local);
  const errors: unknown[] = [];
  const onError = (error: unknown): unknown => errors.push(error);
  const api = createApi({ world }, allHandlers, { onError });
  const deps = { world, inspect, jobAboveBytes: Infinity };
  const validator = createValidator(deps, { onError });
  return {
    facts,
    client: createApiClient({
      url,
      key: facts.key,
      fetch: async (input, init) => api.fetch(new Request(input, init)),
      newId: () => newId(world, 'idem'),
      wait: async () => undefined,
    }),
    validate: () => takeUpload(deps, team, facts.uploadId),
    async sweep() {
      await validator.sweep();
      await sweepErasures(world, { log: (_, error) => onError(error) });
      // what is held is let go at a second look
      for (let look = 0; look < 2; look++) await sweepPurges(world, { log: (_, error) => onError(error) });
    },
    pass: (milliseconds) => void (now += milliseconds),
    async close() {
      await local.close();
      if (errors.length > 0) throw new AggregateError(errors, `there were bugs: ${errors.join('; ')}`);
    },
  };
}
