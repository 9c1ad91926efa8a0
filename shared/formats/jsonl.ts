import { limits } from '../limits.ts';
import type { ByteSource } from './bytes.ts';

/** One line of a text file, or one row of a table as the JSON line it would be. With a `problem`, `text` is empty. */
export interface TextLine {
  readonly text: string;
  /**
   * `too-long`: over `limits.jsonlLineBytesMax`. `not-utf8`: bytes that are not valid UTF-8. Of a table: `cell-count` and `cell-not-json`
   * spoil one row, `not-csv` ends the reading.
   */
  readonly problem?: 'too-long' | 'not-utf8' | 'cell-count' | 'cell-not-json' | 'not-csv';
  /** The problem in words, where they depend on the row. */
  readonly detail?: string;
}

/** A line's problem in words that go on from its place; undefined where it has none. */
export const lineProblem = ({ problem, detail }: TextLine): string | undefined =>
  problem && (detail ?? problems[problem]);

/** A row as the line that it would be. */
export function rowLine(row: unknown, replacer?: (key: string, value: unknown) => unknown): TextLine {
  const text = JSON.stringify(row, replacer);
  return utf8Length(text) > limits.jsonlLineBytesMax ? { text: '', problem: 'too-long' } : { text };
}

const utf8Length = (text: string): number => new TextEncoder().encode(text).byteLength;

const problems = {
  'too-long': `is longer than ${limits.jsonlLineBytesMax} bytes`,
  'not-utf8': 'is not valid UTF-8: save the file as UTF-8',
  'cell-count': 'does not have as many cells as the header',
  'cell-not-json': 'holds a cell that is not valid JSON',
  'not-csv': 'is not valid CSV',
} as const satisfies Record<NonNullable<TextLine['problem']>, string>;

/**
 * The lines of a UTF-8 file, in order, without their ends (`\n` or `\r\n`) and without a byte order mark; the end of the last
 * line may be missing. A line that cannot be read is yielded with its problem, so line numbers stay true and reading goes on.
 * Memory is bounded by the longest line allowed, whatever the file holds.
 */
export async function* readLines(
  source: ByteSource,
  options: { readonly lineBytesMax?: number; readonly chunkBytes?: number } = {},
): AsyncGenerator<TextLine> {
  const { lineBytesMax = limits.jsonlLineBytesMax, chunkBytes = limits.jsonlChunkBytes } = options;
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let pieces: Uint8Array[] = [];
  let lineBytes = 0;
  let first = true;

  const add = (piece: Uint8Array): void => {
    lineBytes += piece.byteLength;
    // the line's end is not part of it: one byte more may be its carriage return
    if (lineBytes <= lineBytesMax + 1 + byteOrderMark.length) pieces.push(piece);
    else pieces = [];
  };
  const take = (): TextLine => {
    let bytes = lineBytes > lineBytesMax + 1 + byteOrderMark.length ? undefined : concatenated(pieces, lineBytes);
    if (bytes?.at(-1) === carriageReturn) bytes = bytes.subarray(0, -1);
    if (first && bytes && byteOrderMark.every((byte, i) => bytes?.[i] === byte)) bytes = bytes.subarray(3);
    [pieces, lineBytes, first] = [[], 0, false];
    if (!bytes || bytes.byteLength > lineBytesMax) return { text: '', problem: 'too-long' };
    try {
      return { text: decoder.decode(bytes) };
    } catch {
      return { text: '', problem: 'not-utf8' };
    }
  };

  for (let offset = 0; offset < source.sizeBytes; offset += chunkBytes) {
    const chunk = await source.read(offset, Math.min(chunkBytes, source.sizeBytes - offset));
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      add(chunk.subarray(start, end));
      yield take();
      start = end + 1;
    }
    if (start < chunk.byteLength) add(chunk.subarray(start));
  }
  if (lineBytes > 0) yield take();
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = [0xef, 0xbb, 0xbf];

function concatenated(pieces: readonly Uint8Array[], lengthBytes: number): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array; // the one piece
  const all = new Uint8Array(lengthBytes);
  let offset = 0;
  for (const piece of pieces) {
    all.set(piece, offset);
    offset += piece.byteLength;
  }
  return all;
}
