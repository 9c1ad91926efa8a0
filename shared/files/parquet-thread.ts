import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { DomainError, UnavailableError } from '../errors.ts';
import type { ByteSource } from '../formats/bytes.ts';
import type { TextLine } from '../formats/jsonl.ts';
import { limits } from '../limits.ts';
import type { FromParquetThread, ToParquetThread } from './parquet-messages.ts';
import type { ParquetOptions } from './parquet-rows.ts';

/** What one file may take. */
export interface ParquetBounds {
  /** Until the next lines, without the time that reading its bytes takes. */
  readonly seconds: number;
  readonly memoryMegabytes: number;
}

/** A thread for several files, one after the other. */
export interface ParquetThread {
  /** As `readParquetRows`; a file that takes too long or too much memory is refused as well, with `DomainError('parquet-runaway')`. */
  rows(source: ByteSource, options: ParquetOptions): AsyncGenerator<TextLine>;
  end(): Promise<void>;
}

const defaultBounds: ParquetBounds = {
  seconds: limits.parquetSecondsMax,
  memoryMegabytes: limits.parquetMemoryMegabytesMax,
};

/** The rows of one file, read in a thread of its own: the library loops and grows without end over some that are damaged. */
export async function* readParquetInThread(source: ByteSource, options: ParquetOptions): AsyncGenerator<TextLine> {
  const thread = startParquetThread();
  try {
    yield* thread.rows(source, options);
  } finally {
    await thread.end();
  }
}

/** The thread itself starts with the first file, and again after one that it was ended for. */
export function startParquetThread(bounds: ParquetBounds = defaultBounds): ParquetThread {
  let worker: Worker | undefined;
  const end = async (): Promise<void> => {
    await worker?.terminate();
    worker = undefined;
  };
  return {
    async *rows(source, options) {
      worker ??= await start(bounds);
      let isOver = false;
      try {
        yield* rowsFrom(worker, bounds, source, options, () => (isOver = true));
      } finally {
        if (!isOver) await end(); // it still has to do with this file
      }
    },
    end,
  };
}

async function start({ memoryMegabytes }: ParquetBounds): Promise<Worker> {
  const worker = new Worker(new URL('../platform/start-thread.mjs', import.meta.url), {
    workerData: { entry: new URL('./parquet-worker.ts', import.meta.url).href },
    execArgv: [], // the loader of the program is not wanted twice
    resourceLimits: { maxOldGenerationSizeMb: memoryMegabytes },
  });
  worker.on('error', () => undefined); // whoever waits for lines is told as well
  try {
    await once(worker, 'message', { signal: AbortSignal.timeout(limits.threadStartMillisecondsMax) });
    return worker;
  } catch (cause) {
    await worker.terminate();
    throw new UnavailableError('The thread that reads Parquet does not start; the machine may be overloaded.', {
      cause,
    });
  }
}

async function* rowsFrom(
  worker: Worker,
  bounds: ParquetBounds,
  source: ByteSource,
  options: ParquetOptions,
  over: () => void,
): AsyncGenerator<TextLine> {
  const send = (message: ToParquetThread): void => worker.postMessage(message, []);
  const { name, sizeBytes } = source;
  const inbox = messagesOf(worker, name, bounds);
  try {
    send({ file: { name, sizeBytes }, options });
    for (;;) {
      const message = await inbox.next();
      if ('ready' in message) continue;
      if ('want' in message)
        send({ want: message.want, bytes: await source.read(message.offset, message.lengthBytes) });
      else if ('lines' in message) {
        yield* message.lines;
        send({ more: true });
      } else {
        over();
        if ('end' in message) return;
        if ('broken' in message) throw new Error(`the thread that reads ${name} failed: ${message.broken}`);
        const { code, message: text, findings } = message.refused;
        throw new DomainError(code, text, { findings });
      }
    }
  } finally {
    inbox.close();
  }
}

/** What a thread tells, in order; rejects when it is silent for too long, or ends. */
function messagesOf(worker: Worker, name: string, { seconds, memoryMegabytes }: ParquetBounds) {
  const came: FromParquetThread[] = [];
  let failure: Error | undefined;
  let wake = (): void => undefined;
  const runaway = (what: string): DomainError =>
    new DomainError(
      'parquet-runaway',
      `${name} takes more than ${what} to read: it is damaged, or its row groups are too large.`,
    );
  const fail = (error: Error): void => {
    failure ??= isOutOfMemory(error) ? runaway(`${memoryMegabytes} MB of memory`) : error;
    wake();
  };
  const onMessage = (message: FromParquetThread): void => {
    came.push(message);
    wake();
  };
  const onExit = (): void => fail(new Error(`the thread that reads ${name} has ended`));
  worker.on('message', onMessage).on('error', fail).on('exit', onExit);
  return {
    async next(): Promise<FromParquetThread> {
      for (;;) {
        const message = came.shift();
        if (message) return message;
        if (failure) throw failure;
        const timer = setTimeout(() => fail(runaway(`${seconds} seconds`)), seconds * 1000);
        await new Promise<void>((resolve) => (wake = resolve));
        clearTimeout(timer);
      }
    },
    close: () => void worker.off('message', onMessage).off('error', fail).off('exit', onExit),
  };
}

const isOutOfMemory = (error: Error): boolean => 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
