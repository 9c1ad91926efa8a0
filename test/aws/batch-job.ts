import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import type { JobDetail } from '@aws-sdk/client-batch';

export interface BatchJobOptions {
  /** What Batch tells of it; changed as it goes on. */
  readonly detail: JobDetail & { jobId: string; jobName: string; jobQueue: string };
  /** Program and arguments. */
  readonly command: readonly string[];
  /** All of it: a container has nothing of the machine's. */
  readonly environment: Readonly<Record<string, string>>;
  readonly log: string;
  readonly graceSeconds: number;
  readonly onChange: () => void;
}

/** One job, as a process of this machine instead of a container. */
export class BatchJob {
  readonly detail: BatchJobOptions['detail'];
  readonly #options: BatchJobOptions;
  #child: ChildProcess | undefined;

  constructor(options: BatchJobOptions) {
    this.#options = options;
    this.detail = options.detail;
  }

  get isOver(): boolean {
    return this.detail.status === 'SUCCEEDED' || this.detail.status === 'FAILED';
  }

  start(): void {
    const { command, environment, log } = this.#options;
    const [program = '', ...args] = command;
    const output = openSync(log, 'a');
    // as every machine has them
    const env = { PATH: process.env['PATH'], TMPDIR: tmpdir(), ...environment };
    this.#child = spawn(program, args, { env, stdio: ['ignore', output, output] });
    closeSync(output);
    Object.assign(this.detail, { status: 'RUNNING', startedAt: Date.now() });
    this.#child.once('exit', (code, signal) => {
      // as Docker tells it
      const exitCode = code ?? 128 + (constants.signals[signal ?? 'SIGKILL'] ?? 0);
      this.#finish(exitCode === 0 ? 'SUCCEEDED' : 'FAILED', exitCode);
    });
    this.#child.once('error', (error) => this.#finish('FAILED', undefined, error.message));
    this.#options.onChange();
  }

  /** Ends it, started or not. */
  terminate(reason: string): void {
    if (this.isOver) return;
    this.detail.statusReason = reason;
    const child = this.#child;
    if (!child) return this.#finish('FAILED');
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), this.#options.graceSeconds * 1000).unref();
  }

  /** Takes the machine away: no signal, no exit code. */
  reclaim(): void {
    this.detail.statusReason = 'Host EC2 (instance i-0) terminated.';
    this.#child?.removeAllListeners('exit');
    this.#child?.kill('SIGKILL');
    this.#finish('FAILED');
  }

  #finish(status: 'SUCCEEDED' | 'FAILED', exitCode?: number, reason?: string): void {
    const container = {
      ...this.detail.container,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(reason ? { reason } : {}),
    };
    Object.assign(this.detail, { status, container, stoppedAt: Date.now() });
    this.detail.statusReason ??= status === 'FAILED' ? 'Essential container in task exited' : undefined;
    this.#options.onChange();
  }
}
