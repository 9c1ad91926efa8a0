import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';

/** Final hidden states [N, H], and [N, r] what an update of the output embedding makes of them first. */
export interface HeadStates {
  readonly hidden: Tensor;
  readonly low?: Tensor;
}

/** What makes logits of states: hidden E^T with an output embedding E [V, H], and scaling * low B^T where it has an update, B [V, r]. */
export interface OutputHead {
  readonly weight: Tensor;
  readonly update?: { readonly B: Tensor; readonly scaling: number };
  /** The rows of `weight` in so many parts as they are stored: where it is frozen, nothing is added to it, and it is cast from another type. */
  readonly parts?: (count: number) => readonly Tensor[];
}

/** Logits [N, V]. */
export function headLogits(graph: GraphBuilder, { hidden, low }: HeadStates, { weight, update }: OutputHead): Tensor {
  const logits = graph.matmul(hidden, weight, { transB: true });
  if (!low || !update) return logits;
  return graph.add(logits, graph.matmul(low, update.B, { transB: true, alpha: update.scaling }));
}

/** The logit of one token of each row, [N, 1], from its row of the output embedding alone. */
export function tokenLogit(
  graph: GraphBuilder,
  { hidden, low }: HeadStates,
  { weight, update }: OutputHead,
  tokens: Tensor,
): Tensor {
  const logit = graph.rowProduct(hidden, graph.gather(weight, tokens));
  if (!low || !update) return logit;
  return graph.add(logit, graph.mul(graph.rowProduct(low, graph.gather(update.B, tokens)), update.scaling));
}
