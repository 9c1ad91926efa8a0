import { randomBytes as systemRandomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { Hono } from 'hono';
import { DomainError } from '../errors.ts';
import type { RunInfo, World } from '../platform/ports.ts';
import { BlobIndex, blobSchema } from './blob-index.ts';
import { createBlobServer } from './blob-server.ts';
import { openDatabase, type Durability } from './database.ts';
import { readOrCreateSecret } from './durable-files.ts';
import { FileBlobs } from './file-blobs.ts';
import { identityName, openFileSigner } from './file-signer.ts';
import { createLocalBus, type LocalBus } from './local-bus.ts';
import { ProcessRunner, type RunCommand } from './process-runner.ts';
import { RunQueue, runSchema } from './run-queue.ts';
import { lockSchema, lockServer } from './server-lock.ts';
import { createSigner } from './signed-urls.ts';
import { recordSchema, SqliteTable } from './sqlite-table.ts';
import { sweepBlobs } from './sweep-blobs.ts';
import { sweepRuns } from './sweep-runs.ts';

export interface LocalWorldOptions {
  /** Everything is kept in it; it is made when it is absent. */
  readonly folder: string;
  /** Where the server answers, without a slash at the end: `http://127.0.0.1:8080`. Signed links begin with it. */
  readonly baseUrl: string;
  /** One process serves a folder and starts its runs; the jobs open it beside the server. */
  readonly role: 'server' | 'job';
  /** How a run is started; a server needs it. */
  readonly commandOf?: (run: RunInfo) => RunCommand;
  /** Runs at once; `defaultJobSlots()` when absent. */
  readonly slots?: number;
  readonly graceSeconds?: number;
  readonly durability?: Durability;
  readonly now?: () => number;
  readonly randomBytes?: (count: number) => Uint8Array;
  /** What went wrong where nobody waits for an answer. */
  readonly log?: (message: string, error: unknown) => void;
}

export interface LocalWorld extends World {
  readonly events: LocalBus;
  /** Answers signed requests, all under `/blobs/`; mounted by the server. */
  readonly blobServer: Hono;
  /** Where everything that a run printed stands. */
  logPath(runId: string): string;
  /** Runs go on. */
  close(): Promise<void>;
}

/** As long as Docker and Kubernetes users know, and enough for the checkpoint of a model that a laptop trains. */
const graceSecondsDefault = 30;
/** What is dropped is days old, or over and seen by no one: an hour more does not matter. */
const sweepMilliseconds = 3_600_000;

/** The platform on one machine. Throws `DomainError('folder-in-use')` when another server works on the folder. */
export async function openLocalWorld(options: LocalWorldOptions): Promise<LocalWorld> {
  const folder = resolve(options.folder);
  const { baseUrl, role, durability = 'power-loss', now = Date.now, randomBytes = systemRandomBytes } = options;
  const log = options.log ?? ((message, error) => console.error(message, error));
  // what is kept is for its owner alone
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const schema = [recordSchema, blobSchema, runSchema, lockSchema].join('\n');
  const database = openDatabase(join(folder, 'lorary.sqlite'), schema, durability);
  try {
    const unlock = role === 'server' ? lockServer(database) : undefined;
    const table = new SqliteTable(database, now);
    const index = new BlobIndex(database);
    const signer = createSigner(
      await readOrCreateSecret(join(folder, 'signing.key'), randomBytes(32), 'links given out so far end'),
      now,
    );
    const identity = await openFileSigner(join(folder, identityName));
    const blobs = new FileBlobs({ folder, index, signer, baseUrl, durability, now, randomBytes });
    const events = createLocalBus(log);
    const queue = new RunQueue(database);
    const runner = new ProcessRunner({
      folder: join(folder, 'runs'),
      queue,
      commandOf: process.platform === 'win32' ? refuseWindows : (options.commandOf ?? refuseRuns),
      slots: options.slots ?? defaultJobSlots(),
      graceSeconds: options.graceSeconds ?? graceSecondsDefault,
      onChange: ({ team, jobId, runId }) => void events.publish({ type: 'run-changed', team, jobId, runId }),
      log,
    });
    let sweeping = Promise.resolve();
    const sweep = async (): Promise<void> => {
      try {
        table.sweep();
        await sweepBlobs(folder, blobs, index, now());
        await sweepRuns(join(folder, 'runs'), queue, now());
      } catch (error) {
        log('the data folder could not be swept', error);
      }
    };
    const sweepNext = (): void => void (sweeping = sweeping.then(sweep));
    const timer = role === 'server' ? setInterval(sweepNext, sweepMilliseconds).unref() : undefined;
    if (role === 'server') {
      // a server that never runs for an hour has left-overs, too
      sweepNext();
      runner.work();
    }

    return {
      table,
      blobs,
      runner,
      events,
      signer: identity,
      signingKey: () => identity.key(),
      now,
      randomBytes,
      blobServer: createBlobServer({ blobs, index, signer }),
      logPath: (runId) => runner.logPath(runId),
      async close() {
        clearInterval(timer);
        runner.rest();
        await sweeping;
        unlock?.();
        database.close();
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Runs at once on this machine: one for every four cores, at least one, because a training step keeps all threads busy and two at a time
 * only share them and double the memory. `LORARY_JOB_SLOTS` overrides it.
 */
export function defaultJobSlots(
  cores: number = availableParallelism(),
  setting: string | undefined = process.env['LORARY_JOB_SLOTS'],
): number {
  if (setting === undefined || setting === '') return Math.max(1, Math.floor(cores / 4));
  if (!/^[1-9]\d{0,2}$/.test(setting)) {
    throw new DomainError('bad-setting', `LORARY_JOB_SLOTS is a number from 1 to 999, not "${setting}".`);
  }
  return Number(setting);
}

/** Where the platform keeps its data unless told otherwise: `LORARY_DATA`, or `.lorary` in the current folder. */
export function defaultDataFolder(setting: string | undefined = process.env['LORARY_DATA']): string {
  return resolve(setting === undefined || setting === '' ? '.lorary' : setting);
}

/** Runs need process groups and signals. */
function refuseWindows(): never {
  throw new DomainError('no-jobs-here', 'Jobs need Linux or macOS: on Windows, start the server inside WSL.');
}

function refuseRuns(): never {
  throw new DomainError('no-jobs-here', 'This server was started without a way to run jobs.');
}
