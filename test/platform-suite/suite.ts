import type { BlobStore, JobRunner, RecordTable, SignedRequest } from '../../shared/platform/ports.ts';

/** A world under test, with what a test needs beside the ports. */
export interface SuiteWorld {
  readonly table: RecordTable;
  readonly blobs: BlobStore;
  readonly runner: JobRunner;
  readonly now: () => number;
  /** Sends a signed request as a client would. */
  readonly send: (request: SignedRequest, options?: SendOptions) => Promise<Response>;
  /** Lets time pass: a world with a clock of its own moves it, another one waits. */
  readonly advance: (seconds: number) => Promise<void>;
  /** How often the command of a run was started. */
  readonly startsOf: (runId: string) => Promise<number>;
  /** Runs that start at once; further ones wait. */
  readonly slots: number;
  /** How long the suite waits for what holds only in the end. */
  readonly patienceSeconds: number;
  /** An empty folder for files. */
  readonly folder: string;
}

export interface SendOptions {
  readonly method?: 'GET' | 'PUT' | 'HEAD' | 'POST' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/**
 * One promise of the ports. `run` gets a name that nobody else uses, for keys and ids. What jobs do is in their id: see `job-program.mjs`.
 */
export interface Case {
  readonly name: string;
  readonly run: (world: SuiteWorld, unique: string) => Promise<void>;
  /** Counts what a repeated call would count twice, so it holds only where no answer is lost. */
  readonly faultless?: true;
}

/** Repeats `look` until `good` says so; returns what it then gave, or the last it gave. For what holds only in the end. */
export async function eventually<T>(
  { patienceSeconds }: Pick<SuiteWorld, 'patienceSeconds'>,
  look: () => Promise<T>,
  good: (seen: T) => boolean,
): Promise<T> {
  const end = performance.now() + patienceSeconds * 1000;
  for (;;) {
    const seen = await look();
    if (good(seen) || performance.now() > end) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Everything an asynchronous sequence gives. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

/** The error that a call ends with. */
export async function failureOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error('the call was expected to fail and did not');
}
