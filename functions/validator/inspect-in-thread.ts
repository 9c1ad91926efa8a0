import { Worker } from 'node:worker_threads';
import { limits } from '../../shared/limits.ts';
import type { ByteSource } from '../../shared/formats/bytes.ts';
import type { Inspect, InspectReport, InspectTask } from '../../shared/upload-validation/inspect.ts';
import type { FromThread, ToThread } from './thread-messages.ts';

export interface InspectThread {
  readonly inspect: Inspect;
  /** Ends the thread that waits for work. */
  close(): Promise<void>;
}

/**
 * Inspects in a thread of its own, so that a server goes on answering; this thread only reads the bytes, into memory that both share:
 * pieces that are handed over would lie about until a collector comes. What a source rejects with, `inspect` rejects with. The thread
 * waits a while for the next task, since each new one takes memory that the system does not get back, and ends with what goes wrong.
 */
export function createInspectThread(): InspectThread {
  let idle: { readonly worker: Worker; readonly timer: NodeJS.Timeout } | undefined;
  const takeIdle = (): Worker | undefined => {
    const taken = idle?.worker;
    clearTimeout(idle?.timer);
    idle = undefined;
    return taken;
  };
  const keep = (worker: Worker): void => {
    if (idle) return void worker.terminate();
    worker.unref();
    const timer = setTimeout(() => void takeIdle()?.terminate(), limits.validatorIdleSeconds * 1000).unref();
    idle = { worker, timer };
  };
  const start = (): Worker => {
    const worker = new Worker(new URL('../../shared/platform/start-thread.mjs', import.meta.url), {
      workerData: { entry: new URL('./inspect-worker.ts', import.meta.url).href },
      execArgv: [], // the loader of the program is not wanted twice
      resourceLimits: { maxOldGenerationSizeMb: limits.validatorMemoryMegabytes },
    });
    // whoever waits for a report is told as well; nobody waits for an idle one
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      if (idle?.worker === worker) takeIdle();
    });
    return worker;
  };
  return {
    async inspect(task, files, stop) {
      stop?.throwIfAborted();
      const worker = takeIdle() ?? start();
      worker.ref();
      // the thread's exit rejects what waits for its report
      const end = (): void => void worker.terminate();
      stop?.addEventListener('abort', end);
      try {
        const report = await reportOf(worker, task, files);
        keep(worker);
        return report;
      } catch (error) {
        await worker.terminate();
        stop?.throwIfAborted();
        throw error;
      } finally {
        stop?.removeEventListener('abort', end);
      }
    },
    async close() {
      await takeIdle()?.terminate();
    },
  };
}

async function reportOf(worker: Worker, task: InspectTask, files: readonly ByteSource[]): Promise<InspectReport> {
  // the thread only hears that a read failed; whoever waits gets the error itself
  let unreadable: { readonly error: unknown } | undefined;
  const send = (message: ToThread): void => worker.postMessage(message, []);
  const read = async ({ want, file, offset, target }: Extract<FromThread, { want: number }>): Promise<void> => {
    try {
      const source = files[file];
      if (!source) throw new Error(`invariant broken: there is no file ${file}`);
      if (source.readInto) await source.readInto(target, offset);
      else target.set(await source.read(offset, target.byteLength));
      send({ want });
    } catch (error) {
      unreadable ??= { error };
      send({ want, failure: error instanceof Error ? error.message : String(error) });
    }
  };
  let forget = (): void => undefined;
  try {
    return await new Promise<InspectReport>((resolve, reject) => {
      const onMessage = (message: FromThread): void => {
        if ('want' in message) void read(message);
        else if ('report' in message) resolve(message.report);
        else reject(unreadable ? unreadable.error : message.failure);
      };
      const onExit = (code: number): void => reject(new Error(`the thread that inspects ended with ${code}`));
      worker.on('message', onMessage).on('error', reject).on('exit', onExit);
      forget = () => void worker.off('message', onMessage).off('error', reject).off('exit', onExit);
      send({ task, files: files.map(({ name, sizeBytes }) => ({ name, sizeBytes })) });
    });
  } finally {
    forget();
  }
}
