import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { JobEvent } from '../shared/contract/job-events.ts';
import { parseSpec, type Spec } from '../shared/contract/specs/parse-spec.ts';
import { resolveSpecPaths } from '../shared/contract/specs/resolve-spec-paths.ts';
import { DomainError, UnavailableError } from '../shared/errors.ts';
import { errorOf } from '../shared/platform/job-failure.ts';
import type { World } from '../shared/platform/ports.ts';
import type { RunOrder } from '../shared/platform/ports.ts';
import type { JobThreadData, JobThreadMessage } from './job-thread.ts';
import type { JobReports } from './jobs/run-spec.ts';
import { switchTelemetryOff } from './runtime/no-telemetry.ts';

/** What any job reports; `kind` tells which. */
export type JobReport = JobReports[Spec['kind']];

export interface RunJobOptions {
  readonly onEvent?: (event: JobEvent) => void;
  /** Asks the job to save its work and end; it then rejects with `UnavailableError`. */
  readonly stop?: AbortSignal;
  /** Machine time that it may take; absent: any. A training run then ends with what it has learnt, another job with `budget-spent`. */
  readonly secondsMax?: number | undefined;
}

/** Runs a job in a thread of its own, so that this one stays free for signals and progress. Resolves to the job's report. */
export async function runJob<S extends Spec>(spec: S, options: RunJobOptions = {}): Promise<JobReports[S['kind']]> {
  const stopFlag = new SharedArrayBuffer(4);
  const askToStop = (): void => void Atomics.store(new Int32Array(stopFlag), 0, 1);
  if (options.stop?.aborted) askToStop();
  options.stop?.addEventListener('abort', askToStop, { once: true });
  const entry = new URL('job-thread.ts', import.meta.url).href;
  switchTelemetryOff();
  const workerData: JobThreadData & { entry: string } = { spec, stopFlag, entry, secondsMax: options.secondsMax };
  const worker = new Worker(new URL('../shared/platform/start-thread.mjs', import.meta.url), { workerData });
  try {
    return await new Promise((fulfil, reject) => {
      worker.on('message', (message: JobThreadMessage) => {
        if (message.type === 'event') options.onEvent?.(message.event);
        else if (message.type === 'done')
          fulfil(message.report as JobReports[S['kind']]); // of the job that was asked for
        else reject(errorOf(message.failure));
      });
      worker.on('error', reject);
      worker.on('exit', (code) => reject(new Error(`the job's thread ended with code ${code} and no result`)));
    });
  } finally {
    options.stop?.removeEventListener('abort', askToStop);
    await worker.terminate();
  }
}

/** Reads and checks a spec file; its relative paths start at its own folder. Throws `DomainError` with all findings. */
export async function readSpecFile(path: string): Promise<Spec> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new DomainError('spec', `The spec ${path} cannot be read: ${messageOf(error)}`);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DomainError('spec', `The spec ${path} is not valid JSON: ${messageOf(error)}`);
  }
  return resolveSpecPaths(parseSpec(value), (relative) => resolve(dirname(path), relative));
}

/**
 * Runs `work` with a signal that SIGINT, SIGTERM and SIGHUP abort: the job then writes a checkpoint and ends. A second SIGINT quits
 * at once; the last checkpoint stays valid.
 */
export async function withStopSignals<T>(
  work: (stop: AbortSignal) => Promise<T>,
  onStopping: (signal: NodeJS.Signals) => void,
): Promise<T> {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      if (signal !== 'SIGINT') return;
      // by the signal's own effect: process.exit would tear down a thread in the middle of a native call
      for (const other of signals) process.off(other, stop);
      process.kill(process.pid, 'SIGINT');
      return;
    }
    controller.abort();
    onStopping(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

/** What a process that ran a job tells whoever started it. */
export const exitCodes = {
  done: 0,
  /** Our own bug. */
  bug: 1,
  /** The caller's fault: the same call will fail again. */
  refused: 2,
  /** EX_TEMPFAIL: the same call may go on or succeed later; a stopped run continues from its checkpoint. */
  retry: 75,
} as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof DomainError) return exitCodes.refused;
  return error instanceof UnavailableError ? exitCodes.retry : exitCodes.bug;
}

/** `main.ts spec.json`: events, then the report or the failure, as JSON lines on standard output. */
async function main(path: string | undefined): Promise<number> {
  const print = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  try {
    if (path === undefined) throw new DomainError('usage', 'Give the path of a spec: main.ts spec.json');
    const spec = await readSpecFile(path);
    const run = (stop: AbortSignal): Promise<JobReport> => runJob(spec, { stop, onEvent: print });
    // the job's thread may be busy for minutes; this one never is, so a silent process is a dead one
    const heartbeat = setInterval(() => print({ type: 'heartbeat' }), heartbeatMilliseconds);
    try {
      print({ type: 'done', report: await withStopSignals(run, (signal) => print({ type: 'stopping', signal })) });
    } finally {
      clearInterval(heartbeat);
    }
    return exitCodes.done;
  } catch (error) {
    const { code, findings } = error instanceof DomainError ? error : { code: 'failed', findings: [] };
    print({ type: 'failed', code, message: messageOf(error), findings });
    const exitCode = exitCodeOf(error);
    const text = exitCode === exitCodes.bug && error instanceof Error ? error.stack : messageOf(error);
    process.stderr.write(`${text}\n`);
    return exitCode;
  }
}

const heartbeatMilliseconds = 10_000;

/** `main.ts --job <id> --team <team> --run <id>`: the container of a job of the platform that the environment names. */
async function containerMain(args: string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const { job: jobId, team, run: runId } = parseArgs({ args, options: { job: text, team: text, run: text } }).values;
  try {
    if (jobId === undefined || team === undefined || runId === undefined)
      throw new DomainError('usage', 'Give --job, --team and --run.');
    const { runContainer } = await import('./platform/run-container.ts');
    const { world, work, hubToken, close } = await openWorld({ jobId, team, runId });
    // Batch tells a container its queue
    const {
      LORARY_JOB_THREADS: threads,
      LORARY_DEVICE: device,
      HF_ENDPOINT: hubUrl,
      AWS_BATCH_JQ_NAME: machineClass,
    } = process.env;
    const tools = {
      work,
      runJob,
      machineClass,
      device,
      threads: threads ? Number(threads) : undefined,
      hubUrl: hubUrl || undefined, // an empty setting is none
      hubToken,
    };
    const notice = await watchMachine();
    try {
      await withStopSignals(
        (stop) =>
          runContainer(world, { jobId, team, runId }, { ...tools, stop: AbortSignal.any([stop, notice.signal]) }),
        (signal) => process.stderr.write(`${signal}: saving and ending\n`),
      );
    } finally {
      notice.stop();
      await close();
    }
    return exitCodes.done;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.stack : messageOf(error)}\n`);
    return exitCodeOf(error);
  }
}

/** On AWS the table and bucket that are named, and a disk of its own; else the data folder, `LORARY_DATA`. */
async function openWorld(run: Pick<RunOrder, 'jobId' | 'team' | 'runId'>): Promise<{
  readonly world: World;
  readonly work: string;
  readonly hubToken: () => Promise<string | undefined>;
  readonly close: () => Promise<void>;
}> {
  const ownToken = async (): Promise<string | undefined> => process.env['HF_TOKEN'] || undefined; // an empty setting is none
  const { environmentNames, isOnAws, readAwsSettings } = await import('../shared/aws/environment.ts');
  if (isOnAws(process.env)) {
    const { openAwsWorld } = await import('../shared/aws/aws-world.ts');
    const { jobCredentials } = await import('../shared/aws/job-credentials.ts');
    const { functionSigner } = await import('../shared/aws/function-signer.ts');
    const functionName = process.env[environmentNames.credentialsFunction];
    // the role of the container reaches nothing by itself
    const given = functionName ? jobCredentials({ functionName, run }) : undefined;
    const signs = process.env[environmentNames.signerFunction];
    const own = {
      ...(given ? { credentials: given.credentials } : {}),
      ...(signs ? { signer: functionSigner({ functionName: signs, run }) } : {}),
    };
    const world = openAwsWorld({ ...readAwsSettings(process.env), ...own });
    const hubToken = given?.hubToken ?? ownToken;
    return { world, work: await workOnAws(), hubToken, close: () => world.close() };
  }
  const { defaultDataFolder, openLocalWorld } = await import('../shared/local/local-world.ts');
  const folder = defaultDataFolder();
  const world = await openLocalWorld({ folder, baseUrl: 'http://127.0.0.1', role: 'job' });
  return { world, work: join(folder, 'work'), hubToken: ownToken, close: () => world.close() };
}

/** Machines of AWS may be taken away, and are told before. */
async function watchMachine(): Promise<{ readonly signal: AbortSignal; readonly stop: () => void }> {
  const { isOnAws } = await import('../shared/aws/environment.ts');
  const { metadataEndpoint, watchSpotNotice } = await import('./platform/spot-notice.ts');
  const endpoint = isOnAws(process.env) ? metadataEndpoint(process.env) : undefined;
  if (endpoint === undefined) return { signal: new AbortController().signal, stop: () => undefined };
  const notice = watchSpotNotice({ endpoint });
  notice.signal.addEventListener('abort', () => process.stderr.write(`${messageOf(notice.signal.reason)}\n`));
  return notice;
}

/** An empty setting is none. */
async function workOnAws(): Promise<string> {
  const { environmentNames } = await import('../shared/aws/environment.ts');
  return process.env[environmentNames.work] || join(tmpdir(), 'lorary');
}

/** `main.ts doctor`: whether this container can do jobs. */
async function doctorMain(args: string[]): Promise<number> {
  const { doctor } = await import('./doctor/doctor.ts');
  try {
    return (await doctor(args, { work: await workOnAws(), environment: process.env })) ? exitCodes.done : exitCodes.bug;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return exitCodeOf(error);
  }
}

async function start(args: string[]): Promise<number> {
  if (args[0] === 'doctor') return doctorMain(args.slice(1));
  return args.includes('--job') ? containerMain(args) : main(args[0]);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const startedAs = process.argv[1];
if (startedAs !== undefined && import.meta.url === pathToFileURL(startedAs).href)
  process.exitCode = await start(process.argv.slice(2));
