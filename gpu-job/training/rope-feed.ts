import { DomainError } from '../../shared/errors.ts';
import { ropeInputs, ropeRowsInput } from '../methods/tuned-model.ts';
import { distinctRopes, longTextTokens, type DecoderSpec } from '../nn/decoder-spec.ts';
import { ropeTables, type RopeSpec } from '../nn/rotary.ts';
import type { TensorValue } from '../runtime/session.ts';
import { batchLengthUnit } from './batches.ts';

/**
 * Makes the rotary tables as long as the longest batch so far needs (`tokens`), and feeds them without copying. Where long texts turn
 * otherwise than short ones, the tables of long texts stand below the others, and each token is told its row: so a text turns as it
 * would alone, whatever stands beside it in the batch. `positions` are int64 [B, T], restarting at 0 with each text.
 */
export function ropeFeed(spec: DecoderSpec): (tokens: number, positions: TensorValue) => Record<string, TensorValue> {
  const ropes = distinctRopes(spec);
  const shortTokens = longTextTokens(spec);
  let rows = 0;
  let feed: Record<string, TensorValue> = {};
  return (tokens, positions) => {
    if (tokens > spec.maxPositions)
      throw new DomainError(
        'context-too-long',
        `${tokens} tokens are more than the model's max_position_embeddings ${spec.maxPositions}; shorten the rows or the packed length.`,
      );
    if (tokens > rows) {
      // a batch ends with padding where the context is no whole number of units
      const rowsMax = batchLengthUnit * Math.ceil(spec.maxPositions / batchLengthUnit);
      rows = Math.min(rowsMax, Math.max(256, 2 ** Math.ceil(Math.log2(tokens))));
      const lengths = shortTokens === undefined ? [1] : [1, shortTokens + 1];
      feed = Object.fromEntries(ropes.flatMap((rope, i) => tables(rope, i, rows, lengths)));
    }
    if (shortTokens === undefined) return feed;
    const data = BigInt64Array.from(rowsOf(Array.from(positions.data, Number), shortTokens, rows), BigInt);
    return { ...feed, [ropeRowsInput]: { data, dims: positions.dims } };
  };
}

/** The tables for texts of each of these lengths, one below the other. */
function tables(rope: RopeSpec, i: number, rows: number, lengths: readonly number[]): [string, TensorValue][] {
  const made = lengths.map((length) => ropeTables(rope, rows, length));
  const below = (parts: readonly Float32Array[]): TensorValue => {
    const size = (rows * rope.dim) / 2;
    const data = new Float32Array(parts.length * size);
    for (const [part, values] of parts.entries()) data.set(values, part * size);
    return { data, dims: [parts.length * rows, rope.dim / 2] };
  };
  const names = ropeInputs(i);
  return [
    [names.cos, below(made.map(({ cos }) => cos))],
    [names.sin, below(made.map(({ sin }) => sin))],
  ];
}

/** The row of each token: its position, and that many further down where its text goes on beyond `shortTokens`. */
function rowsOf(positions: readonly number[], shortTokens: number, tableRows: number): readonly number[] {
  let tokens = 0; // of the text that token i belongs to
  return positions
    .map((position, i) => ({ position, isLast: positions[i + 1] !== position + 1 }))
    .toReversed()
    .map(({ position, isLast }) => {
      if (isLast) tokens = position + 1;
      return tokens > shortTokens ? tableRows + position : position;
    })
    .toReversed();
}
