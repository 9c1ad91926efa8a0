import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DomainError, UnavailableError } from '../errors.ts';
import type { ByteSource } from '../formats/bytes.ts';
import type { TextLine } from '../formats/jsonl.ts';
import { limits } from '../limits.ts';
import type { FromParquetReader, ToParquetReader } from './parquet-messages.ts';
import type { ParquetOptions } from './parquet-rows.ts';

/** What one file may take. */
export interface ParquetBounds {
  /** Until the next lines, without the time that reading its bytes takes. */
  readonly seconds: number;
  readonly memoryMegabytes: number;
}

/** A process for several files, one after the other. */
export interface ParquetProcess {
  /** As `readParquetRows`; a file that takes too long or too much memory is refused as well, with `DomainError('parquet-runaway')`. */
  rows(source: ByteSource, options: ParquetOptions): AsyncGenerator<TextLine>;
  end(): Promise<void>;
}

const defaultBounds: ParquetBounds = {
  seconds: limits.parquetSecondsMax,
  memoryMegabytes: limits.parquetMemoryMegabytesMax,
};

/** The rows of one file, read in a process of its own: the library loops and grows without end over some that are damaged. */
export async function* readParquetApart(source: ByteSource, options: ParquetOptions): AsyncGenerator<TextLine> {
  const apart = startParquetProcess();
  try {
    yield* apart.rows(source, options);
  } finally {
    await apart.end();
  }
}

/** The process itself starts with the first file, and again after one that it was ended for. */
export function startParquetProcess(bounds: ParquetBounds = defaultBounds): ParquetProcess {
  let child: ChildProcess | undefined;
  const end = async (): Promise<void> => {
    if (child) await ended(child);
    child = undefined;
  };
  return {
    async *rows(source, options) {
      child ??= await start(bounds);
      let isOver = false;
      try {
        yield* rowsFrom(child, bounds, source, options, () => (isOver = true));
      } finally {
        if (!isOver) await end(); // it still has to do with this file
      }
    },
    end,
  };
}

async function start({ memoryMegabytes }: ParquetBounds): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('./parquet-reader.ts', import.meta.url)), {
    execArgv: ['--import', import.meta.resolve('tsx'), `--max-old-space-size=${memoryMegabytes}`],
    // not the settings of whatever project the program was started in
    env: { ...process.env, TSX_TSCONFIG_PATH: fileURLToPath(new URL('../../tsconfig.json', import.meta.url)) },
    serialization: 'advanced', // bytes stay bytes
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  try {
    await once(child, 'message', { signal: AbortSignal.timeout(limits.threadStartMillisecondsMax) });
    return child;
  } catch (cause) {
    await ended(child);
    throw new UnavailableError('The process that reads Parquet does not start; the machine may be overloaded.', {
      cause,
    });
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function* rowsFrom(
  child: ChildProcess,
  bounds: ParquetBounds,
  source: ByteSource,
  options: ParquetOptions,
  over: () => void,
): AsyncGenerator<TextLine> {
  const send = (message: ToParquetReader): void => void child.send(message);
  const { name, sizeBytes } = source;
  const inbox = messagesOf(child, name, bounds);
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
        if ('broken' in message) throw new Error(`the process that reads ${name} failed: ${message.broken}`);
        const { code, message: text, findings } = message.refused;
        throw new DomainError(code, text, { findings });
      }
    }
  } finally {
    inbox.close();
  }
}

/** What the process tells, in order; rejects when it is silent for too long, or ends. */
function messagesOf(child: ChildProcess, name: string, { seconds, memoryMegabytes }: ParquetBounds) {
  const came: FromParquetReader[] = [];
  let failure: Error | undefined;
  let wake = (): void => undefined;
  const runaway = (what: string): DomainError =>
    new DomainError(
      'parquet-runaway',
      `${name} takes more than ${what} to read: it is damaged, or its row groups are too large.`,
    );
  const fail = (error: Error): void => {
    failure ??= error;
    wake();
  };
  const onMessage = (message: unknown): void => {
    came.push(message as FromParquetReader); // what parquet-reader.ts tells
    wake();
  };
  const onExit = (code: number | null, signal: NodeJS.Signals | null): void =>
    // how the engine ends a process for which it finds no memory
    fail(
      signal === 'SIGABRT' || code === 134
        ? runaway(`${memoryMegabytes} MB of memory`)
        : new Error(`the process that reads ${name} has ended with ${signal ?? code}`),
    );
  child.on('message', onMessage).on('error', fail).on('exit', onExit);
  return {
    async next(): Promise<FromParquetReader> {
      for (;;) {
        const message = came.shift();
        if (message) return message;
        if (failure) throw failure;
        const timer = setTimeout(() => fail(runaway(`${seconds} seconds`)), seconds * 1000);
        await new Promise<void>((resolve) => (wake = resolve));
        clearTimeout(timer);
      }
    },
    close: () => void child.off('message', onMessage).off('error', fail).off('exit', onExit),
  };
}
