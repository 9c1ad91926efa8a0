import { Worker } from 'node:worker_threads';
import { DomainError, UnavailableError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { RenderAnswer, RenderRequest, TemplateSettings } from './template-messages.ts';

/** A running thread with one template. It keeps no program alive but while an answer is awaited. */
export interface TemplateThread {
  /**
   * Renders a batch; one at a time. Rejects with `DomainError('template-runaway')` when one rendering takes too long or too much
   * memory; the thread is then of no more use.
   */
  ask(requests: readonly RenderRequest[]): Promise<readonly RenderAnswer[]>;
  /** Whether it has ended, by itself or by `end`. */
  dead(): boolean;
  end(): Promise<void>;
}

/** Starts a thread; it takes about a tenth of a second until it answers. */
export function startTemplateThread(
  settings: Omit<TemplateSettings, 'progress'>,
  { renderMilliseconds, memoryMegabytes }: { readonly renderMilliseconds: number; readonly memoryMegabytes: number },
): TemplateThread {
  const progress = new SharedArrayBuffer(4);
  const worker = new Worker(new URL('../platform/start-thread.mjs', import.meta.url), {
    workerData: {
      entry: new URL('./template-worker.ts', import.meta.url).href,
      settings: { ...settings, progress } satisfies TemplateSettings,
    },
    execArgv: [], // the loader of the program is not wanted twice
    resourceLimits: { maxOldGenerationSizeMb: memoryMegabytes },
  });
  worker.unref();
  let dead = false;
  worker.on('error', () => undefined); // an error between two questions must not end the program
  worker.on('exit', () => (dead = true));
  return {
    dead: () => dead,
    async ask(requests) {
      worker.ref();
      try {
        return await answerOf(worker, requests, watch(new Int32Array(progress), renderMilliseconds));
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        throw runaway(`takes more than ${memoryMegabytes} MB of memory`);
      } finally {
        worker.unref();
      }
    },
    async end() {
      await worker.terminate();
    },
  };
}

function answerOf(
  worker: Worker,
  requests: readonly RenderRequest[],
  onStandstill: (report: (error: Error) => void) => () => void,
): Promise<readonly RenderAnswer[]> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      stopWatching();
      worker.off('message', onAnswer).off('error', onError).off('exit', onExit);
      act();
    };
    const onAnswer = (answers: readonly RenderAnswer[]): void => settle(() => resolve(answers));
    const onError = (error: Error): void => settle(() => reject(error));
    const onExit = (): void => settle(() => reject(new UnavailableError('The thread of the chat template has ended.')));
    const stopWatching = onStandstill((error) => settle(() => reject(error)));
    worker.on('message', onAnswer).on('error', onError).on('exit', onExit);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(requests);
  });
}

/**
 * Reports when the thread's counter stands still for `renderMilliseconds`, which it does only inside one rendering; before the
 * thread has counted at all, it is starting, and gets the time for that.
 */
function watch(counter: Int32Array, renderMilliseconds: number) {
  return (report: (error: Error) => void): (() => void) => {
    const ticks = 4;
    let [last, still] = [-1, 0];
    const timer = setInterval(() => {
      const now = Atomics.load(counter, 0);
      still = now === last ? still + 1 : 0;
      last = now;
      const stillMilliseconds = (still * renderMilliseconds) / ticks;
      if (now > 0 && still >= ticks)
        report(runaway(`takes more than ${renderMilliseconds / 1000} seconds for one conversation`));
      if (now === 0 && stillMilliseconds >= limits.threadStartMillisecondsMax)
        report(new UnavailableError('The thread of the chat template does not start; the machine may be overloaded.'));
    }, renderMilliseconds / ticks);
    return () => clearInterval(timer);
  };
}

const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';

const runaway = (what: string): DomainError =>
  new DomainError('template-runaway', `The chat template ${what}, so it was ended: the template is faulty.`);
