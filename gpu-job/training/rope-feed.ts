import { DomainError } from '../../shared/errors.ts';
import { ropeInputs } from '../methods/tuned-model.ts';
import type { DecoderSpec } from '../nn/decoder.ts';
import { ropeTables } from '../nn/rotary.ts';
import type { TensorValue } from '../runtime/session.ts';

/** Makes the rotary tables as long as the longest batch so far needs, and feeds them without copying. */
export function ropeFeed(spec: DecoderSpec): (positions: number) => Record<string, TensorValue> {
  let rows = 0;
  let feed: Record<string, TensorValue> = {};
  return (positions) => {
    if (positions > spec.maxPositions)
      throw new DomainError(
        'context-too-long',
        `${positions} tokens are more than the model's max_position_embeddings ${spec.maxPositions}; shorten the rows or the packed length.`,
      );
    if (positions > rows) {
      rows = Math.min(spec.maxPositions, Math.max(256, 2 ** Math.ceil(Math.log2(positions))));
      const { cos, sin } = ropeTables(spec.rope, rows);
      const dims = [rows, spec.headDim / 2];
      feed = { [ropeInputs.cos]: { data: cos, dims }, [ropeInputs.sin]: { data: sin, dims } };
    }
    return feed;
  };
}
