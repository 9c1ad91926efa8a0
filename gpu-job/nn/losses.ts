import type { GraphBuilder } from '../graph/builder.ts';
import { productOfDims } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import { headLogits, tokenLogit, type HeadStates, type OutputHead } from './output-head.ts';

/** The label of a position that is not trained, as in PyTorch and transformers. */
export const ignoredLabel = -100;

export interface TokenLosses {
  /** [N, V]. */
  readonly logits: Tensor;
  /** Cross-entropy of each position in nats, 0 where the label is ignored. [N, 1]. */
  readonly losses: Tensor;
  /** bool [N]. */
  readonly valid: Tensor;
  /** Labels with ignored ones replaced by 0. int64 [N]. */
  readonly labels: Tensor;
}

/**
 * Next-token cross-entropy of hidden states [N, H] by an output embedding [V, H]:
 * loss = logsumexp(h E^T) - h . E[label]. The label's logit is taken from the row of E, so neither it nor its gradient
 * needs a one-hot row of V entries. `labels` int64 of N elements, already shifted.
 */
export function tokenLosses(graph: GraphBuilder, states: HeadStates, head: OutputHead, labels: Tensor): TokenLosses {
  const { valid, known, weights } = knownLabels(graph, labels);
  const logits = headLogits(graph, states, head);
  const labelLogit = tokenLogit(graph, states, head, known);
  const losses = graph.sub(graph.apply('LogSumExp', [logits], {}), labelLogit);
  return { logits, losses: graph.mul(losses, weights), valid, labels: known };
}

/** Labels int64 of N elements: which are trained, bool [N]; with ignored ones replaced by 0, int64 [N]; and 1 or 0 for each, [N, 1]. */
export function knownLabels(
  graph: GraphBuilder,
  labels: Tensor,
): { readonly valid: Tensor; readonly known: Tensor; readonly weights: Tensor } {
  const count = productOfDims(labels.dims);
  const flat = graph.reshape(labels, [count]);
  const valid = graph.apply('Not', [graph.apply('Equal', [flat, graph.integers([ignoredLabel], [])], {})], {});
  const known = graph.where(valid, flat, graph.integers([0], []));
  return { valid, known, weights: graph.reshape(graph.cast(valid, graph.float), [count, 1]) };
}
