/** The thread that reads Parquet files, one at a time: what is wrong with one can neither hold up the program nor fill its memory. */
import { parentPort } from 'node:worker_threads';
import { DomainError, invariant } from '../errors.ts';
import type { TextLine } from '../formats/jsonl.ts';
import type { FromParquetThread, ToParquetThread } from './parquet-messages.ts';
import { readParquetRows } from './parquet-rows.ts';

const port = parentPort;
invariant(port, 'parquet-worker runs as a worker');
const tell = (message: FromParquetThread): void => port.postMessage(message, []);

/** Lines of one message: enough that passing them costs little beside reading. */
const batchLines = 512;

const wanted = new Map<number, (bytes: Uint8Array) => void>();
let wants = 0;
let goOn = (): void => undefined;

port.on('message', (message: ToParquetThread) => {
  if ('file' in message) void read(message);
  else if ('more' in message) goOn();
  else {
    wanted.get(message.want)?.(message.bytes);
    wanted.delete(message.want);
  }
});

process.on('unhandledRejection', () => undefined); // the library starts reads that it gives up where one of them fails
tell({ ready: true });

async function read({ file, options }: Extract<ToParquetThread, { file: unknown }>): Promise<void> {
  const source = {
    ...file,
    read: (offset: number, lengthBytes: number) =>
      new Promise<Uint8Array>((resolve, reject) => {
        // what a file says of itself is no reason to read elsewhere
        const isInside = offset >= 0 && lengthBytes >= 0 && offset + lengthBytes <= file.sizeBytes;
        if (!isInside) return reject(new RangeError(`it wants ${lengthBytes} bytes at ${offset}`));
        wanted.set(++wants, resolve);
        tell({ want: wants, offset, lengthBytes });
      }),
  };
  const hand = async (lines: readonly TextLine[]): Promise<void> => {
    const taken = new Promise<void>((resolve) => (goOn = resolve));
    tell({ lines });
    await taken;
  };
  try {
    let lines: TextLine[] = [];
    for await (const line of readParquetRows(source, options)) {
      lines.push(line);
      if (lines.length < batchLines) continue;
      await hand(lines);
      lines = [];
    }
    if (lines.length > 0) await hand(lines);
    tell({ end: true });
  } catch (error) {
    if (error instanceof DomainError) {
      const { code, message, findings } = error;
      tell({ refused: { code, message, findings } });
    } else tell({ broken: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
