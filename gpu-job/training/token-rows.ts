import { inputLength, type TokenRow } from './batches.ts';

/** Rows of tokens that stand elsewhere; what is known of all of them at once is a few bytes a row. */
export interface TokenRows {
  readonly length: number;
  /** Tokens of each row that go through the model: see `inputLength`. */
  readonly inputLengths: Int32Array;
  /** Tokens of one row, those behind its last label included. */
  tokensOf(row: number): number;
  /** The rows of these indices, in their order. */
  read(indices: Int32Array): Promise<TokenRow[]>;
}

/** Some of the rows, in the order of their indices. */
export function selectRows(rows: TokenRows, indices: Int32Array): TokenRows {
  const indexOf = (row: number): number => indices[row] as number; // callers ask for rows there are
  return {
    length: indices.length,
    inputLengths: indices.map((index) => rows.inputLengths[index] as number),
    tokensOf: (row) => rows.tokensOf(indexOf(row)),
    read: (wanted) => rows.read(wanted.map(indexOf)),
  };
}

/** The rows of all of these, behind one another. */
export function joinRows(parts: readonly TokenRows[]): TokenRows {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const starts = parts.map((_, i) => parts.slice(0, i).reduce((sum, { length }) => sum + length, 0));
  const partOf = (row: number): number => starts.findLastIndex((start) => start <= row);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const inputLengths = new Int32Array(length);
  for (const [i, part] of parts.entries()) inputLengths.set(part.inputLengths, starts[i]);
  return {
    length,
    inputLengths,
    tokensOf: (row) => parts[partOf(row)]?.tokensOf(row - (starts[partOf(row)] ?? 0)) ?? 0,
    async read(indices) {
      const rows = new Map<number, TokenRow>();
      for (const [p, part] of parts.entries()) {
        const places = [...indices.keys()].filter((i) => partOf(indices[i] as number) === p);
        const own = await part.read(Int32Array.from(places, (i) => (indices[i] as number) - (starts[p] as number)));
        for (const [k, i] of places.entries()) rows.set(i, own[k] as TokenRow); // one for each place
      }
      return Array.from(indices, (_, i) => rows.get(i) as TokenRow); // every place was in one part
    },
  };
}

/** The first rows, at most so many. */
export const firstRows = (rows: TokenRows, rowsMax = Infinity): TokenRows =>
  rows.length <= rowsMax ? rows : selectRows(rows, indicesUpTo(rowsMax));

/** Rows that are few, as if they stood elsewhere. */
export const rowsInMemory = (rows: readonly TokenRow[]): TokenRows => ({
  length: rows.length,
  inputLengths: Int32Array.from(rows, inputLength),
  tokensOf: (row) => rows[row]?.tokens.length ?? 0,
  read: (indices) => Promise.resolve(Array.from(indices, (index) => rows[index] as TokenRow)), // callers ask for rows there are
});

/** All rows in order, read some at a time: many enough to read and to pack well, few enough for memory. `start`: index of the first. */
export async function* rowGroups(
  rows: TokenRows,
): AsyncGenerator<{ readonly start: number; readonly group: readonly TokenRow[] }> {
  for (let start = 0; start < rows.length;) {
    let [end, tokens] = [start, 0];
    while (end < rows.length && end - start < groupRowsMax && tokens < groupTokensMax) tokens += rows.tokensOf(end++);
    yield { start, group: await rows.read(indicesUpTo(end - start, start)) };
    start = end;
  }
}

/** `first` and those behind it, `count` in all. */
export const indicesUpTo = (count: number, first = 0): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => first + i);

const groupRowsMax = 512;
const groupTokensMax = 1_048_576;
