import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { invariant, UnavailableError } from '../../shared/errors.ts';
import { errorOf, type JobFailure } from '../../shared/platform/job-failure.ts';
import type { MethodPlan } from '../jobs/planned-model.ts';
import type { Parameter } from '../methods/method.ts';
import { switchTelemetryOff } from '../runtime/no-telemetry.ts';
import type { Batch } from './batches.ts';
import { copyValues, inSharedMemory, sharedZeros } from './shared-values.ts';
import type { StepOptions } from './step-graph.ts';
import type { StepSource } from './step-source.ts';
import { openTurns, turnsBytes } from './turns.ts';

/** What a worker makes its session of. */
export interface WorkerModel {
  /** Folder of the base. */
  readonly base: string;
  readonly method: MethodPlan;
  readonly options: StepOptions;
}

/** What is given to the thread of a worker. */
export interface StepWorkerData {
  readonly model: WorkerModel;
  readonly index: number;
  /** Of the parameters and constants, which are read, and of the gradients, to which is added in turn. */
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly sums: ReadonlyMap<string, Float32Array>;
  readonly turns: SharedArrayBuffer;
}

/** All micro-batches of a step: each worker takes from them as it is free. */
export interface StepOrder {
  readonly batches: readonly Batch[];
  readonly seeds: readonly number[];
  /** Of all of them together. */
  readonly labels: number;
  readonly gradientScale: number;
}

/** What a worker is told. */
export type StepWorkerOrder = StepOrder | 'close';

/** What a worker says; `losses` are those of the micro-batches that it took, by their numbers. */
export type StepWorkerMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly losses: readonly (readonly [number, number])[] }
  | { readonly type: 'failed'; readonly failure: JobFailure };

export interface StepWorkersOptions {
  readonly count: number;
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly parameters: readonly Parameter[];
  /** Module that each thread runs. */
  readonly entry?: URL;
}

/**
 * Several sessions of one run, each in a thread of its own. Micro-batches go to whoever is free; their gradients are added to sums in shared
 * memory in the order of the micro-batches, whoever is done first. That is the order of `accumulate`, so the result is the same to the bit
 * whatever the number of workers and their timing. Rejects when a worker fails or ends, then and at every further call.
 */
export async function openStepWorkers(model: WorkerModel, options: StepWorkersOptions): Promise<StepSource> {
  switchTelemetryOff(); // before a thread begins
  const shared = {
    values: inSharedMemory(options.values),
    sums: sharedZeros(options.parameters),
    turns: new SharedArrayBuffer(turnsBytes),
  };
  const turns = openTurns(shared.turns);
  const threads = Array.from({ length: options.count }, (_, index) =>
    startThread({ model, index, ...shared }, options.entry),
  );
  const failed = firstFailure(threads, () => turns.abandon());
  let failure: unknown;
  failed.catch((error: unknown) => (failure = error)); // it is told to whoever waits next
  const answers = (): Promise<StepWorkerMessage[]> => Promise.race([failed, Promise.all(threads.map(nextMessage))]);
  const closing = (): Promise<unknown> => Promise.all(threads.map(closeThread));
  try {
    await answers();
  } catch (error) {
    await closing();
    throw error;
  }
  return {
    parameters: options.values,
    async accumulate(batches, seedOf, gradientScale = 1) {
      const labels = batches.reduce((sum, batch) => sum + batch.labelCount, 0);
      invariant(labels > 0, 'a step has labels');
      if (failure !== undefined) throw failure;
      copyValues(options.values, shared.values);
      turns.reset();
      const order: StepOrder = { batches, seeds: batches.map((_, i) => seedOf(i)), labels, gradientScale };
      const done = answers();
      for (const worker of threads) worker.postMessage(order, []);
      const losses = (await done).flatMap((message) => (message.type === 'done' ? message.losses : []));
      let lossSum = 0;
      for (const [, loss] of losses.toSorted(([a], [b]) => a - b)) lossSum += loss;
      return { loss: lossSum / labels, labels, gradients: shared.sums };
    },
    async close() {
      await closing();
    },
  };
}

function startThread(data: StepWorkerData, entry = new URL('../step-worker.ts', import.meta.url)): Worker {
  const workerData = { ...data, entry: entry.href };
  return new Worker(new URL('../../shared/platform/start-thread.mjs', import.meta.url), { workerData });
}

/** Rejects when any thread fails or ends, after those who wait for it were told. */
function firstFailure(threads: readonly Worker[], beforehand: () => void): Promise<never> {
  return new Promise((_, reject) => {
    for (const [i, thread] of threads.entries()) {
      const fail = (error: Error): void => {
        beforehand();
        reject(error);
      };
      thread.on('error', fail);
      thread.on('message', (message: StepWorkerMessage) => {
        if (message.type === 'failed') fail(errorOf(message.failure));
      });
      thread.on('exit', (code) =>
        fail(
          new UnavailableError(
            `Worker ${i + 1} of ${threads.length} ended with code ${code} in the middle of the run. Run the same again to go on from the last checkpoint.`,
          ),
        ),
      );
    }
  });
}

async function nextMessage(thread: Worker): Promise<StepWorkerMessage> {
  const [message] = (await once(thread, 'message')) as [StepWorkerMessage];
  return message;
}

/** Lets a thread end by itself, with its session closed. One that has failed has ended already, or does so when its run comes back. */
async function closeThread(worker: Worker): Promise<void> {
  if (worker.threadId === -1) return;
  const ended = once(worker, 'exit');
  const order: StepWorkerOrder = 'close';
  worker.postMessage(order, []);
  await ended;
}
