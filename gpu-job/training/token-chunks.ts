import { invariant } from '../../shared/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import { divideDim, productOfDims } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { HeadStates } from '../nn/output-head.ts';

/** Some tokens of a batch in a row: states of n tokens and labels, int64 [n]. */
export interface TokenChunk {
  readonly states: HeadStates;
  readonly labels: Tensor;
}

/** Cuts states of N tokens and N labels into equal parts. */
export function tokenChunks(
  graph: GraphBuilder,
  { hidden, low }: HeadStates,
  labels: Tensor,
  chunks: number,
): readonly TokenChunk[] {
  const count = productOfDims(labels.dims);
  const size = divideDim(count, chunks);
  invariant(size !== undefined, `${count} tokens are ${chunks} equal parts`);
  const sizes = Array.from({ length: chunks }, () => size);
  const cut = (tensor: Tensor): readonly Tensor[] => graph.split(tensor, 0, sizes);
  const [states, lows, targets] = [cut(hidden), low && cut(low), cut(graph.reshape(labels, [count]))];
  return sizes.map((_, i) => {
    const part = { hidden: states[i] as Tensor, ...(lows ? { low: lows[i] as Tensor } : {}) }; // as many of each
    return { states: part, labels: targets[i] as Tensor };
  });
}
