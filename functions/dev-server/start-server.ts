import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { limits } from '../../shared/limits.ts';
import { openLocalWorld, type LocalWorld, type LocalWorldOptions } from '../../shared/local/local-world.ts';
import { createWarmGenerator } from '../../shared/local/warm-generator.ts';
import { createFullKey } from '../../shared/records/teams.ts';
import { createTextCache } from '../../shared/text/text-cache.ts';
import { docsApp } from '../docs/docs-app.ts';
import type { ApiDeps } from '../http/api-deps.ts';
import { createApi } from '../http/create-api.ts';
import { secureHeaders } from '../http/secure-headers.ts';
import { sweepJob } from '../job-events/sweep-job.ts';
import { sweep } from '../job-events/sweep.ts';
import { sealAudits } from '../sealer/seal-audits.ts';
import { sweepErasures } from '../purger/sweep-erasures.ts';
import { sweepStored } from '../purger/sweep-stored.ts';
import { sweepPurges } from '../purger/sweep-purges.ts';
import { createInspectThread } from '../validator/inspect-in-thread.ts';
import { createValidator } from '../validator/validator.ts';
import { allHandlers } from './all-handlers.ts';
import { startChores } from './background.ts';
import { baseFolders } from './base-folders.ts';
import { updateCredentials, writeCredentials } from './credentials-file.ts';
import { firstStart, localTeam } from './first-start.ts';
import { refuseForeign } from './guard.ts';
import { generatorCommand, jobCommand } from './job-command.ts';
import { listen, type Listener } from './listen.ts';
import { localMachine } from './local-machine.ts';
import { localPrice } from './local-price.ts';

export interface ServerOptions {
  /** Everything is kept in it. */
  readonly folder: string;
  /** 0: a free one. */
  readonly port: number;
  /** Where settings come from, such as `LORARY_ALLOWED_ROOTS`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The folder the server was started in. */
  readonly current: string;
  /** Makes one more key that may do everything, for someone who has lost theirs. */
  readonly newKey?: boolean;
  /** How the world is opened; `openLocalWorld` when absent. */
  readonly openWorld?: (options: LocalWorldOptions) => Promise<LocalWorld>;
  /** How the container of a job is started; `jobCommand` when absent. */
  readonly commandOf?: LocalWorldOptions['commandOf'];
  /** What went wrong where nobody waits for an answer. */
  readonly log?: (message: string, error: unknown) => void;
}

export interface RunningServer {
  /** E.g. `http://127.0.0.1:7411`. */
  readonly url: string;
  readonly folder: string;
  readonly team: string;
  /** The key that was made at this start; it is also in `credentials.json` of the folder. */
  readonly key?: string;
  /** Ends what is in work and frees port and folder. Jobs go on; the next server finds them. */
  stop(): Promise<void>;
}

/** The whole platform on one port of this machine. Throws `DomainError('port-in-use' | 'folder-in-use')`. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const listener = await listen(options.port);
  try {
    return await serve(options, listener);
  } catch (error) {
    await listener.close(0);
    throw error;
  }
}

async function serve(options: ServerOptions, listener: Listener): Promise<RunningServer> {
  const { environment } = options;
  const folder = resolve(options.folder);
  const url = `http://127.0.0.1:${listener.port}`;
  const log =
    options.log ?? ((message, error) => console.error(...(error === undefined ? [message] : [message, error])));
  const world = await (options.openWorld ?? openLocalWorld)({
    folder,
    baseUrl: url,
    role: 'server',
    commandOf: options.commandOf ?? ((run) => jobCommand(run, folder, environment)),
    log,
  });
  try {
    const price = localPrice(environment);
    const machine = localMachine();
    const stopping = new AbortController();
    const texts = createTextCache();
    const generator = createWarmGenerator({ folder, blobs: world.blobs, command: generatorCommand(environment), log });
    const deps: ServerDeps = {
      world,
      priceOf: () => price,
      machinesFor: () => machine,
      generator,
      texts,
      baseFolders: baseFolders(options.current, environment['LORARY_ALLOWED_ROOTS']),
      hub: {
        url: environment['HF_ENDPOINT'] || 'https://huggingface.co', // an empty setting is none
        ...(environment['HF_TOKEN'] ? { accessToken: async () => environment['HF_TOKEN'] } : {}),
      },
      follow: (milliseconds) => wait(milliseconds, undefined, { signal: stopping.signal, ref: false }),
    };
    const key = await keyOfStart(deps, { folder, url, newKey: options.newKey ?? false });
    const stopChores = startBackground(world, { work: join(folder, 'work'), stop: stopping.signal, log });
    const app = appOf(deps, listener.port, log);
    listener.serve((request, env) => app.fetch(request, env));
    return {
      url,
      folder,
      team: localTeam,
      ...(key === undefined ? {} : { key }),
      async stop() {
        stopping.abort();
        await generator.close();
        await listener.close(limits.serverGraceMilliseconds);
        texts.close();
        await stopChores();
        await world.close();
      },
    };
  } catch (error) {
    await world.close();
    throw error;
  }
}

/** The key that this start makes, if it makes one; `credentials.json` has it, or follows the server. */
async function keyOfStart(
  deps: ApiDeps,
  { folder, url, newKey }: { readonly folder: string; readonly url: string; readonly newKey: boolean },
): Promise<string | undefined> {
  const first = await firstStart(deps, (key) => writeCredentials(folder, { url, key }));
  if (first !== undefined) return first;
  if (!newKey) {
    await updateCredentials(folder, url);
    return undefined;
  }
  // made before it is kept: until then the file holds a key that may still be somebody's
  const key = await createFullKey(deps.world, localTeam);
  await writeCredentials(folder, { url, key });
  return key;
}

function appOf(deps: ServerDeps, port: number, log: Log): Hono {
  const [{ blobServer }, docs] = [deps.world, docsApp()];
  const api = createApi(deps, allHandlers, {
    beside: [...blobServer.routes, ...docs.routes],
    onError: (error, requestId) => log(`${requestId} failed`, error),
    addressOf: (env) => (env as Partial<HttpBindings>).incoming?.socket.remoteAddress, // what `listen` gives
  });
  return new Hono()
    .use(secureHeaders)
    .use(refuseForeign(deps.world, port))
    .route('/', blobServer)
    .route('/', docs)
    .mount('/', (request, env) => api.fetch(request, env));
}

type ServerDeps = ApiDeps & { readonly world: LocalWorld };
type Log = NonNullable<ServerOptions['log']>;

/** What looks after things that nobody asks for. */
function startBackground(
  world: LocalWorld,
  { work, stop, log }: { readonly work: string; readonly stop: AbortSignal; readonly log: Log },
): () => Promise<void> {
  const thread = createInspectThread();
  const validator = createValidator(
    { world, inspect: thread.inspect, stop },
    { onError: (error, uploadId) => log(`the upload ${uploadId} could not be looked at`, error) },
  );
  world.events.subscribe((event) => validator.onEvent(event));
  world.events.subscribe(async (event) => {
    if (event.type === 'run-changed') await sweepJob(world, event.team, event.jobId);
  });
  const stopChores = startChores(
    [
      { name: 'looking after uploads', everyMilliseconds: sweepMilliseconds, run: () => validator.sweep() },
      { name: 'purging', everyMilliseconds: purgeMilliseconds, run: () => sweepPurges(world, { log }) },
      { name: 'erasing', everyMilliseconds: sweepMilliseconds, run: () => sweepErasures(world, { log }) },
      { name: 'counting bytes', everyMilliseconds: purgeMilliseconds, run: () => sweepStored(world, { log }) },
      { name: 'sealing the audit', everyMilliseconds: purgeMilliseconds, run: () => sealAudits(world, { log }) },
      { name: 'looking after jobs', everyMilliseconds: jobSweepMilliseconds, run: () => sweep(world, { work, log }) },
    ],
    log,
  );
  return async () => {
    await stopChores();
    await validator.idle();
    await thread.close();
  };
}

/** Events do the work at once; the sweep finds what they missed. */
const sweepMilliseconds = 5000;
/** What goes has been kept for days. */
const purgeMilliseconds = 60_000;
/** A job that was stopped waits from one second on. */
const jobSweepMilliseconds = 1000;
