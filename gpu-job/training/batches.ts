import { invariant } from '../../shared/errors.ts';

/** A row of a dataset as tokens. */
export interface TokenRow {
  readonly tokens: Int32Array;
  /** 1: the token is a label, predicted from the token before it. The first token never is. */
  readonly trained: Uint8Array;
}

/** Every batch has a multiple of so many columns, with padding where rows end before. */
export const batchLengthUnit = 16;

/** What goes through the model at once. All arrays are [B, T]. */
export interface Batch {
  /** B. */
  readonly rows: number;
  /** T, a multiple of `batchLengthUnit`: parts of a batch are computed apart. */
  readonly length: number;
  readonly inputIds: BigInt64Array;
  /** The id of the NEXT token, -100 where it is not trained; never of another segment. */
  readonly labels: BigInt64Array;
  /** Starts at 0 in every segment. */
  readonly positions: BigInt64Array;
  /** 0: padding; 1 and up: the rows packed into this batch row. */
  readonly segments: BigInt64Array;
  /** Whose each token is, where rows of several tasks are joined: 0 is nobody's, i + 1 that of task i. */
  readonly tasks?: BigInt64Array;
  readonly labelCount: number;
  /** Where each dataset row lies. `length` counts its inputs: the last token is only a label, and nothing follows the last label. */
  readonly sources: readonly {
    readonly row: number;
    readonly batchRow: number;
    readonly start: number;
    readonly length: number;
  }[];
}

export interface BatchShape {
  /** Largest B * T, unless one row alone is longer. */
  readonly microBatchTokens: number;
  /** Whether rows share a sequence; else each has its own, padded. */
  readonly packing: boolean;
  /** Length up to which rows are packed; longer rows stand alone. */
  readonly packTokens: number;
  /** Longest row: the model's context. */
  readonly lengthMax: number;
}

/**
 * Puts rows into batches: short ones share sequences, and sequences of like length go through the model together. Which rows share a
 * batch or a sequence changes memory and speed, never the result: every label of every row appears once. Rows without labels are left
 * out. Deterministic in its arguments.
 */
export function makeBatches(rows: readonly TokenRow[], indices: ArrayLike<number>, shape: BatchShape): Batch[] {
  const segments = Array.from(indices, (row) => ({ row, length: inputLength(rowAt(rows, row)) }));
  return groupsOf(segments, shape).map((group) => fillBatch(rows, group));
}

/** Sequences and their length, of each batch that would be made of rows with so many inputs. */
export function sizesOfBatches(
  inputLengths: readonly number[],
  shape: BatchShape,
): readonly Pick<Batch, 'rows' | 'length'>[] {
  const segments = inputLengths.map((length, row) => ({ row, length }));
  return groupsOf(segments, shape).map((group) => ({ rows: group.length, length: lengthOf(group) }));
}

function groupsOf(given: readonly Segment[], shape: BatchShape): readonly (readonly Sequence[])[] {
  const segments = given.filter(({ length }) => length > 0).sort(byDescendingLength); // stable: equal lengths keep their order
  const longest = segments[0]?.length ?? 0;
  invariant(longest <= shape.lengthMax, `rows of ${longest} tokens were refused above ${shape.lengthMax}`);
  return groupByLength(packFirstFit(segments, shape).sort(byDescendingLength), shape.microBatchTokens);
}

/** Tokens of a row that must go through the model: all before its last label. 0 for a row without labels. */
export function inputLength(row: TokenRow): number {
  let last = row.tokens.length - 1;
  while (last > 0 && row.trained[last] !== 1) last--;
  return Math.max(0, last);
}

/** Labels of a row. */
export function labelCount(row: TokenRow): number {
  let count = 0;
  for (let i = 1; i < row.tokens.length; i++) count += row.trained[i] as number;
  return count;
}

interface Segment {
  readonly row: number;
  readonly length: number;
}

interface Sequence {
  readonly segments: Segment[];
  length: number;
}

const byDescendingLength = (a: { readonly length: number }, b: { readonly length: number }): number =>
  b.length - a.length;

/**
 * First fit over descending lengths: at most 11/9 of the best possible number of sequences, plus one. Beside a row that is longer than
 * `packTokens` only its padding is filled: each token of a sequence costs attention over all of it.
 */
function packFirstFit(segments: readonly Segment[], { packing, packTokens, lengthMax }: BatchShape): Sequence[] {
  const sequences: (Sequence & { readonly capacity: number })[] = [];
  for (const segment of segments) {
    const home = packing && sequences.find(({ length, capacity }) => length + segment.length <= capacity);
    if (home) {
      home.segments.push(segment);
      home.length += segment.length;
    } else {
      const capacity = Math.min(lengthMax, roundedLength(Math.max(packTokens, segment.length)));
      sequences.push({ segments: [segment], length: segment.length, capacity });
    }
  }
  return sequences;
}

/**
 * Cuts sequences of descending length into batches where it costs least: few batches have much padding, many have what each run of the
 * graph takes whatever its size. The cheapest way to do the first n sequences is that to do some fewer and one batch of the rest.
 */
function groupByLength(sequences: readonly Sequence[], microBatchTokens: number): Sequence[][] {
  const cheapest: { readonly cost: number; readonly from: number }[] = [{ cost: 0, from: 0 }];
  for (let end = 1; end <= sequences.length; end++) {
    let best = { cost: Infinity, from: end - 1 };
    for (let from = end - 1; from >= 0; from--) {
      const length = roundedLength((sequences[from] as Sequence).length); // the longest of the batch
      const tokens = (end - from) * length;
      if (end - from > 1 && tokens > microBatchTokens) break;
      const cost = (cheapest[from]?.cost as number) + runTokens + tokens * (1 + length / attentionTokens);
      if (cost < best.cost) best = { cost, from };
    }
    cheapest.push(best);
  }
  const groups: Sequence[][] = [];
  for (let end = sequences.length; end > 0; end = cheapest[end]?.from as number)
    groups.push(sequences.slice(cheapest[end]?.from, end));
  return groups.toReversed();
}

/** What one more run of the graph takes, in tokens of a run that goes on. */
const runTokens = 32;
/** Length of a sequence whose attention takes as long as all else of it: some 2,500 of 135 million parameters, more of larger models. */
const attentionTokens = 2500;

/** Few different lengths keep the runtime's memory pool small: it holds a block for every shape it has met. */
function roundedLength(length: number): number {
  return batchLengthUnit * Math.ceil(length / batchLengthUnit);
}

const lengthOf = (group: readonly Sequence[]): number =>
  roundedLength(Math.max(...group.map((sequence) => sequence.length)));

function fillBatch(rows: readonly TokenRow[], group: readonly Sequence[]): Batch {
  const length = lengthOf(group);
  const integers = (): BigInt64Array<ArrayBuffer> => new BigInt64Array(group.length * length);
  const [inputIds, labels, positions, segments] = [integers(), integers().fill(-100n), integers(), integers()];
  const sources: Batch['sources'][number][] = [];
  let labelCount = 0;
  for (const [batchRow, sequence] of group.entries()) {
    let start = 0;
    for (const [place, segment] of sequence.segments.entries()) {
      const { tokens, trained } = rowAt(rows, segment.row);
      const offset = batchRow * length + start;
      for (let i = 0; i < segment.length; i++) {
        inputIds[offset + i] = BigInt(tokens[i] as number);
        positions[offset + i] = BigInt(i);
        segments[offset + i] = BigInt(place + 1);
        if (trained[i + 1] !== 1) continue;
        labels[offset + i] = BigInt(tokens[i + 1] as number);
        labelCount++;
      }
      sources.push({ row: segment.row, batchRow, start, length: segment.length });
      start += segment.length;
    }
  }
  return { rows: group.length, length, inputIds, labels, positions, segments, labelCount, sources };
}

function rowAt(rows: readonly TokenRow[], index: number): TokenRow {
  const row = rows[index];
  invariant(row, `there is a row ${index}`);
  return row;
}
