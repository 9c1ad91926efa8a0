import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { openFileSource, type FileSource } from '../../shared/files/file-source.ts';
import type { ByteSink } from '../../shared/formats/bytes.ts';
import { limits } from '../../shared/limits.ts';
import { readJsonFile, writeFileAtomic, writeFolderAtomic } from '../folders/files.ts';
import { hashFile, hashingSink } from '../folders/hashes.ts';
import { inputLength, type TokenRow } from './batches.ts';
import type { TokenRows } from './token-rows.ts';

/** Rows of tokens in a folder of their own. 12 bytes of memory a row; the tokens stay on disk. */
export interface TokenStore extends TokenRows {
  /** What was to be kept with the rows. */
  readonly about: unknown;
  /** The line that each row was made from. Read anew at every call. */
  lines(): Promise<Int32Array>;
  close(): Promise<void>;
}

/** A row as it is stored, with the line that it was made from. */
export type StoredRow = TokenRow & { readonly line: number };

/**
 * Writes a store, which appears whole or not at all: `tokens.bin` has an int32 for every token, its complement where it is trained;
 * `rows.bin` three int32 for every row: tokens, inputs, line; `store.json` what `fill` resolves to, and the digests. Memory does not grow
 * with the rows. `fill` appends them in order.
 */
export async function writeTokenStore(
  path: string,
  fill: (append: (rows: readonly StoredRow[]) => Promise<void>) => Promise<unknown>,
): Promise<void> {
  await writeFolderAtomic(
    path,
    async (temporary) => {
      const sha256: Record<string, string> = {};
      let about: unknown;
      /** Calls `use` with a writer of a file of this name. */
      const writing = (name: string, use: (writer: WordWriter) => Promise<void>): Promise<void> =>
        writeFileAtomic(join(temporary, name), async (sink) => {
          const hashing = hashingSink(sink);
          const writer = wordWriter(hashing);
          await use(writer);
          await writer.flush();
          ({ sha256: sha256[name] } = hashing.digest());
        });
      await writing(tokensFile, (tokens) =>
        writing(rowsFile, async (records) => {
          about = await fill(async (rows) => {
            for (const row of rows) {
              await records.write(Int32Array.of(row.tokens.length, inputLength(row), row.line));
              await tokens.write(row.tokens.map((token, i) => (row.trained[i] === 1 ? ~token : token)));
            }
          });
        }),
      );
      await writeFileAtomic(join(temporary, aboutFile), JSON.stringify({ version: 1, sha256, about }));
    },
    { replace: true },
  );
}

/** Opens a store; undefined where there is none, or one that a disk spoilt. The caller closes it. */
export async function openTokenStore(path: string): Promise<TokenStore | undefined> {
  const parsed = aboutSchema.safeParse(await readJsonFile(join(path, aboutFile)).catch(() => undefined));
  if (!parsed.success) return undefined;
  const { sha256, about } = parsed.data;
  for (const name of [tokensFile, rowsFile]) {
    const digest = await hashFile(join(path, name)).catch(() => undefined);
    if (digest?.sha256 !== sha256[name]) return undefined;
  }
  const { offsets, inputLengths } = await readLengths(join(path, rowsFile));
  const source = await openFileSource(join(path, tokensFile));
  const offsetOf = (row: number): number => offsets[row] as number; // one more than there are rows
  return {
    about,
    length: inputLengths.length,
    inputLengths,
    tokensOf: (row) => offsetOf(row + 1) - offsetOf(row),
    async read(indices) {
      const rows: TokenRow[] = [];
      for (let start = 0, end = 0; start < indices.length; start = end) {
        const first = indices[start] as number; // start is below their number
        while (end < indices.length && indices[end] === first + end - start) end++;
        const words = await readWords(source, offsetOf(first), offsetOf(first + end - start));
        for (let row = first; row < first + end - start; row++)
          rows.push(decodeRow(words.subarray(offsetOf(row) - offsetOf(first), offsetOf(row + 1) - offsetOf(first))));
      }
      return rows;
    },
    lines: () => readLineNumbers(join(path, rowsFile)),
    close: () => source.close(),
  };
}

/** Removes what else stands in a folder of stores: those of datasets that were replaced, and what killed processes left. */
export async function keepStores(folder: string, names: readonly string[]): Promise<void> {
  for (const name of await readdir(folder))
    if (!names.includes(name)) await rm(join(folder, name), { recursive: true, force: true });
}

const tokensFile = 'tokens.bin';
const rowsFile = 'rows.bin';
const aboutFile = 'store.json';
const recordWords = 3;
const wordBytes = Int32Array.BYTES_PER_ELEMENT;

const aboutSchema = z.strictObject({
  version: z.literal(1),
  sha256: z.record(z.string(), z.string()),
  about: z.unknown(),
});

interface WordWriter {
  write(words: Int32Array): Promise<void>;
  flush(): Promise<void>;
}

/** Collects small pieces before they go to the disk. */
function wordWriter(sink: ByteSink): WordWriter {
  const buffer = new Int32Array(limits.copyChunkBytes / wordBytes);
  let used = 0;
  const flush = async (): Promise<void> => {
    if (used > 0) await sink.write(new Uint8Array(buffer.buffer, 0, used * wordBytes));
    used = 0;
  };
  return {
    flush,
    async write(words) {
      for (let done = 0; done < words.length;) {
        const piece = words.subarray(done, done + buffer.length - used);
        buffer.set(piece, used);
        used += piece.length;
        done += piece.length;
        if (used === buffer.length) await flush();
      }
    },
  };
}

async function readWords(source: FileSource, from: number, to: number): Promise<Int32Array> {
  const words = new Int32Array(to - from);
  await source.readInto(new Uint8Array(words.buffer), from * wordBytes);
  return words;
}

/** Decodes in place. */
function decodeRow(words: Int32Array): TokenRow {
  const trained = new Uint8Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    if (word >= 0) continue;
    words[i] = ~word;
    trained[i] = 1;
  }
  return { tokens: words, trained };
}

interface Lengths {
  /** Of each row, the first of its tokens among all; then their number. */
  readonly offsets: Float64Array;
  readonly inputLengths: Int32Array;
}

async function readLengths(path: string): Promise<Lengths> {
  const rows = await recordCount(path);
  const { offsets, inputLengths } = { offsets: new Float64Array(rows + 1), inputLengths: new Int32Array(rows) };
  for await (const [row, tokens, inputs] of records(path)) {
    offsets[row + 1] = (offsets[row] as number) + tokens; // rows come in order
    inputLengths[row] = inputs;
  }
  return { offsets, inputLengths };
}

async function readLineNumbers(path: string): Promise<Int32Array> {
  const lines = new Int32Array(await recordCount(path));
  for await (const [row, , , line] of records(path)) lines[row] = line;
  return lines;
}

const recordCount = async (path: string): Promise<number> => (await stat(path)).size / (recordWords * wordBytes);

type StoredRecord = readonly [row: number, tokens: number, inputs: number, line: number];

async function* records(path: string): AsyncGenerator<StoredRecord> {
  const source = await openFileSource(path);
  try {
    const words = source.sizeBytes / wordBytes;
    for (let at = 0, row = 0; at < words; at += recordsAtOnce * recordWords) {
      const read = await readWords(source, at, Math.min(words, at + recordsAtOnce * recordWords));
      for (let i = 0; i < read.length; i += recordWords)
        yield [row++, read[i] as number, read[i + 1] as number, read[i + 2] as number]; // records are whole
    }
  } finally {
    await source.close();
  }
}

const recordsAtOnce = 65_536;
