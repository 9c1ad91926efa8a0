import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invariant } from '../errors.ts';
import type { JobRunner, RunInfo, RunOrder } from '../platform/ports.ts';
import { forbidStart, killGroup, traceRun, type RunEnd } from './run-files.ts';
import type { QueuedRun, RunQueue } from './run-queue.ts';

/** How a run is started. Nothing of the server's environment goes along but what `env` holds. */
export interface RunCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface ProcessRunnerOptions {
  /** Absolute; each run gets a folder in it. */
  readonly folder: string;
  readonly queue: RunQueue;
  readonly commandOf: (run: RunInfo) => RunCommand;
  /** Runs at once. */
  readonly slots: number;
  /** Between SIGTERM and SIGKILL: time for a checkpoint. */
  readonly graceSeconds: number;
  /** Called when a run has ended or is lost, also one that ended while no server ran. */
  readonly onChange: (run: RunInfo) => void;
  /** What went wrong between two looks; the next look tries again. */
  readonly log: (message: string, error: unknown) => void;
}

/** What stands between the server and a run. */
export const watcherPath = fileURLToPath(new URL('run-watcher.mjs', import.meta.url));
const lookMilliseconds = 250;

/**
 * Runs as child processes that live on when the server dies. One server at a time calls `work`; other processes may submit, describe,
 * list and cancel: the server finds their wishes in the queue.
 */
export class ProcessRunner implements JobRunner {
  readonly #options: ProcessRunnerOptions;
  readonly #queue: RunQueue;
  /** Runs whose watcher this process started and has not seen end. */
  readonly #watchers = new Set<string>();
  /** When a cancelled run got SIGTERM from this process, on the monotonic clock. */
  readonly #asked = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ProcessRunnerOptions) {
    this.#options = options;
    this.#queue = options.queue;
  }

  async submit({ runId, jobId, team }: RunOrder): Promise<void> {
    invariant(/^[A-Za-z0-9_-]{1,128}$/.test(runId), `a run id names a folder, unlike ${JSON.stringify(runId)}`);
    this.#queue.add({ runId, jobId, team });
    this.#look();
  }

  async describe(runId: string): Promise<RunInfo | undefined> {
    const run = this.#queue.find(runId);
    return run && toInfo(run);
  }

  async list(): Promise<readonly RunInfo[]> {
    return this.#queue.open().map(toInfo);
  }

  async cancel(runId: string): Promise<void> {
    if (this.#queue.cancelWaiting(runId, 'It was cancelled before it started.')) this.#report(runId);
    else if (this.#queue.cancelRunning(runId)) this.#look();
  }

  /** Begins to start and to watch runs, those found from an earlier server included. */
  work(): void {
    this.#timer = setInterval(() => this.#look(), lookMilliseconds).unref();
    this.#look();
  }

  /** Stops watching; the runs go on. */
  rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Where everything that a run printed stands. */
  logPath(runId: string): string {
    return join(this.#folder(runId), 'output.log');
  }

  #look(): void {
    if (!this.#timer) return;
    try {
      this.#round();
    } catch (error) {
      this.#options.log('the runs could not be looked after', error);
    }
  }

  /** Brings every running run up to date, then starts waiting ones while there is room. */
  #round(): void {
    for (const run of this.#queue.open()) if (run.state === 'running') this.#follow(run);
    const open = this.#queue.open();
    const free = this.#options.slots - open.filter(({ state }) => state === 'running').length;
    const next = open.filter(({ state }) => state === 'waiting').slice(0, Math.max(0, free));
    for (const run of next) if (this.#queue.start(run.runId)) this.#start(run);
  }

  #follow(run: QueuedRun): void {
    const trace = traceRun(this.#folder(run.runId));
    switch (trace.kind) {
      case 'unstarted':
        // a server died between its note and the start; should its watcher still come up, one of the two gives way
        if (!this.#watchers.has(run.runId)) this.#start(run);
        return;
      case 'alive':
        if (run.cancelled) this.#askToEnd(run.runId, trace.pid);
        return;
      case 'gone':
        if (trace.group !== undefined) killGroup(trace.group);
        return this.#end(run, { error: 'it was killed' });
      case 'ended':
        return this.#end(run, trace.end);
    }
  }

  #start(run: QueuedRun): void {
    const folder = this.#folder(run.runId);
    mkdirSync(folder, { recursive: true });
    let how: RunCommand;
    try {
      how = this.#options.commandOf(toInfo(run));
    } catch (error) {
      this.#end(run, { error: error instanceof Error ? error.message : String(error) });
      return;
    }
    const { command, args, env } = how;
    const log = openSync(this.logPath(run.runId), 'a', 0o600);
    const watcher = spawn(process.execPath, [watcherPath, folder, command, ...args], {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...env },
    });
    closeSync(log);
    this.#watchers.add(run.runId);
    const over = (problem?: Error): void => {
      this.#watchers.delete(run.runId);
      if (problem) this.#options.log(`the watcher of run ${run.runId} could not be started`, problem);
      // who does not look after runs any more leaves what it finds to the next server, and may have no folder left
      if (!this.#timer) return;
      try {
        forbidStart(folder);
      } catch (error) {
        this.#options.log(`what became of run ${run.runId} could not be noted`, error);
      }
      this.#look();
    };
    watcher.once('error', over);
    watcher.once('exit', () => over());
    watcher.unref();
  }

  #askToEnd(runId: string, watcher: number): void {
    const asked = this.#asked.get(runId);
    if (asked === undefined) {
      this.#asked.set(runId, performance.now());
      // the watcher hands it on to the command, once
      process.kill(watcher, 'SIGTERM');
    } else if (performance.now() - asked >= this.#options.graceSeconds * 1000) {
      killGroup(watcher);
    }
  }

  #end(run: QueuedRun, end: RunEnd): void {
    const cancelled = run.cancelled ? ' after it was cancelled' : '';
    const how =
      'exitCode' in end
        ? end
        : {
            reason:
              'signal' in end
                ? `It was ended by ${end.signal}${cancelled}.`
                : `It left no exit code${cancelled}: ${end.error}.`,
          };
    this.#asked.delete(run.runId);
    if (this.#queue.end(run.runId, how)) this.#report(run.runId);
  }

  #report(runId: string): void {
    const run = this.#queue.find(runId);
    if (run) this.#options.onChange(toInfo(run));
  }

  #folder(runId: string): string {
    return join(this.#options.folder, runId);
  }
}

/** Without what only this runner knows. */
function toInfo({ runId, jobId, team, state, exitCode, reason }: QueuedRun): RunInfo {
  return {
    runId,
    jobId,
    team,
    state,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(reason === undefined ? {} : { reason }),
  };
}
