import { Worker } from 'node:worker_threads';
import { limits } from '../../shared/limits.ts';
import type { ByteSource } from '../../shared/formats/bytes.ts';
import type { Inspect, InspectReport } from './inspect.ts';
import type { FromThread, ThreadSettings, ToThread } from './thread-messages.ts';

/**
 * Inspects in a thread of its own, so that a server goes on answering; this thread only reads the bytes, into memory that both share:
 * pieces that are handed over would lie about until a collector comes. What a source rejects with, this rejects with.
 */
export const inspectInThread: Inspect = async (task, files, stop) => {
  stop?.throwIfAborted();
  const settings: ThreadSettings = { task, files: files.map(({ name, sizeBytes }) => ({ name, sizeBytes })) };
  const worker = new Worker(new URL('../../shared/platform/start-thread.mjs', import.meta.url), {
    workerData: { entry: new URL('./inspect-worker.ts', import.meta.url).href, settings },
    execArgv: [], // the loader of the program is not wanted twice
    resourceLimits: { maxOldGenerationSizeMb: limits.validatorMemoryMegabytes },
  });
  // the thread's exit rejects what waits for its report
  const end = (): void => void worker.terminate();
  stop?.addEventListener('abort', end);
  try {
    return await reportOf(worker, files);
  } catch (error) {
    stop?.throwIfAborted();
    throw error;
  } finally {
    stop?.removeEventListener('abort', end);
    await worker.terminate();
  }
};

function reportOf(worker: Worker, files: readonly ByteSource[]): Promise<InspectReport> {
  return new Promise((resolve, reject) => {
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
    worker.on('message', (message: FromThread) => {
      if ('want' in message) void read(message);
      else if ('report' in message) resolve(message.report);
      else reject(unreadable ? unreadable.error : message.failure);
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`the thread that inspects ended with ${code}`)));
  });
}
