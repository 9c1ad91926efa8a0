import { DomainError } from '../../shared/errors.ts';
import { ropeInputs } from '../methods/tuned-model.ts';
import { distinctRopes, type DecoderSpec } from '../nn/decoder-spec.ts';
import { ropeTables, turnAlike, type RopeSpec } from '../nn/rotary.ts';
import type { TensorValue } from '../runtime/session.ts';
import type { Batch } from './batches.ts';

/**
 * Makes the rotary tables as long as the longest batch so far needs, and feeds them without copying. `length`: tokens of the longest text
 * among them, which decides how some models turn.
 */
export function ropeFeed(spec: DecoderSpec): (positions: number, length?: number) => Record<string, TensorValue> {
  const ropes = distinctRopes(spec);
  let rows = 0;
  let madeFor = 0;
  let feed: Record<string, TensorValue> = {};
  return (positions, length = positions) => {
    if (positions > spec.maxPositions)
      throw new DomainError(
        'context-too-long',
        `${positions} tokens are more than the model's max_position_embeddings ${spec.maxPositions}; shorten the rows or the packed length.`,
      );
    if (positions > rows || !ropes.every((rope) => turnAlike(rope, length, madeFor))) {
      rows = Math.max(rows, Math.min(spec.maxPositions, Math.max(256, 2 ** Math.ceil(Math.log2(positions)))));
      madeFor = length;
      feed = Object.assign({}, ...ropes.map((rope, i) => tables(rope, i, rows, length)));
    }
    return feed;
  };
}

/** Tokens of the longest segment of a batch: one more than its largest position. */
export function longestText({ positions }: Pick<Batch, 'positions'>): number {
  return 1 + Number(positions.reduce((largest, position) => (position > largest ? position : largest), 0n));
}

function tables(rope: RopeSpec, i: number, rows: number, length: number): Record<string, TensorValue> {
  const { cos, sin } = ropeTables(rope, rows, length);
  const [names, dims] = [ropeInputs(i), [rows, rope.dim / 2]];
  return { [names.cos]: { data: cos, dims }, [names.sin]: { data: sin, dims } };
}
