import { invariant } from '../../shared/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { knownLabels } from '../nn/losses.ts';
import { tokenLogit } from '../nn/output-head.ts';
import type { LossAndGradients } from './loss-in-chunks.ts';

export interface VocabularyLossInput {
  /** [N, H]. */
  readonly hidden: Tensor;
  /** The frozen output embedding [V, H], of which only rows of labels are taken, and the same in parts [V / n, H]. */
  readonly weight: Tensor;
  readonly parts: readonly Tensor[];
  /** int64, one for each token. */
  readonly labels: Tensor;
}

/**
 * The loss of a batch and its gradient by its hidden states, some words of the vocabulary at a time: each part of the output embedding is
 * read, and cast where it is stored in another type, once for both. With s the log-sum-exp of all logits and e_i the rows of the embedding,
 *
 *   loss = s - h . e_label        d loss / d h = sum of softmax_i e_i - e_label
 *
 * and both sums go over parts as in Milakov and Gimelshein 2018: what was summed before and what comes with the next part are weighted by
 * the softmax of their two log-sum-exps.
 */
export function lossByVocabulary(graph: GraphBuilder, input: VocabularyLossInput): LossAndGradients {
  return graph.scope('loss', () => lossOf(graph, input));
}

function lossOf(graph: GraphBuilder, { hidden, weight, parts, labels }: VocabularyLossInput): LossAndGradients {
  const { known, weights } = knownLabels(graph, labels);
  let seen: { readonly sum: Tensor; readonly mixed: Tensor } | undefined;
  for (const part of parts) {
    // written before what has to wait for the part before it: the runtime takes first of all inputs what was written last
    const rows = graph.cast(part, graph.float);
    const states = graph.after(hidden, seen ? [seen.mixed, seen.sum] : []);
    const [sum, shares] = logSumExp(graph, graph.matmul(states, rows, { transB: true }));
    const next = { sum, mixed: graph.matmul(shares, rows) }; // [N, 1] and [N, H]
    seen = seen ? joined(graph, seen, next) : next;
  }
  invariant(seen, 'a vocabulary has parts');
  const losses = graph.mul(graph.sub(seen.sum, tokenLogit(graph, { hidden }, { weight }, known)), weights);
  const byHidden = graph.mul(graph.sub(seen.mixed, graph.gather(weight, known)), weights);
  return { sum: graph.reduceSum(losses, [0, 1]), losses, byStates: { hidden: byHidden }, byTrained: [] };
}

function joined(
  graph: GraphBuilder,
  a: { readonly sum: Tensor; readonly mixed: Tensor },
  b: { readonly sum: Tensor; readonly mixed: Tensor },
): { readonly sum: Tensor; readonly mixed: Tensor } {
  const [sum, shares] = logSumExp(graph, graph.concat([a.sum, b.sum], 1, 2));
  const [ofA, ofB] = graph.split(shares, 1, [1, 1]) as [Tensor, Tensor]; // one for each
  return { sum, mixed: graph.add(graph.mul(a.mixed, ofA), graph.mul(b.mixed, ofB)) };
}

function logSumExp(graph: GraphBuilder, x: Tensor): [sum: Tensor, shares: Tensor] {
  return graph.applyAll('LogSumExp', [x], {}) as [Tensor, Tensor]; // as the primitive has them
}
