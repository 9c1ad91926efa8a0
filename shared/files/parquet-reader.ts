/**
 * The process that reads Parquet files, one at a time: what is wrong with one can neither hold up the program nor fill its memory. A thread
 * would not do: where there is no memory for a large array, the whole process of a thread ends.
 */
import { DomainError, invariant } from '../errors.ts';
import type { TextLine } from '../formats/jsonl.ts';
import type { FromParquetReader, ToParquetReader } from './parquet-messages.ts';
import { readParquetRows } from './parquet-rows.ts';

invariant(process.connected, 'parquet-reader is started by the program that wants rows');
const tell = (message: FromParquetReader): void => {
  process.send?.(message);
};

/** Lines of one message: enough that passing them costs little beside reading. */
const batchLines = 512;

const wanted = new Map<number, (bytes: Uint8Array) => void>();
let wants = 0;
let goOn = (): void => undefined;

process.on('message', (message: ToParquetReader) => {
  if ('file' in message) void read(message);
  else if ('more' in message) goOn();
  else {
    wanted.get(message.want)?.(message.bytes);
    wanted.delete(message.want);
  }
});

process.on('disconnect', () => process.exit()); // nobody wants the rest
process.on('unhandledRejection', () => undefined); // the library starts reads that it gives up where one of them fails
tell({ ready: true });

async function read({ file, options }: Extract<ToParquetReader, { file: unknown }>): Promise<void> {
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
