import { invariant } from '../../shared/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import { divideDim, productOfDims } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';

/** Some tokens of a batch in a row: hidden states [n, H] and labels, int64 [n]. */
export interface TokenChunk {
  readonly hidden: Tensor;
  readonly labels: Tensor;
}

/** Cuts hidden states [N, H] and N labels into equal parts. */
export function tokenChunks(
  graph: GraphBuilder,
  hidden: Tensor,
  labels: Tensor,
  chunks: number,
): readonly TokenChunk[] {
  const count = productOfDims(labels.dims);
  const size = divideDim(count, chunks);
  invariant(size !== undefined, `${count} tokens are ${chunks} equal parts`);
  const sizes = Array.from({ length: chunks }, () => size);
  const [states, targets] = [hidden, graph.reshape(labels, [count])].map((tensor) => graph.split(tensor, 0, sizes));
  return sizes.map((_, i) => ({ hidden: states?.[i] as Tensor, labels: targets?.[i] as Tensor })); // as many of each
}
