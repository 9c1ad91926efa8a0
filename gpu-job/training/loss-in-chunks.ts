import { invariant } from '../../shared/errors.ts';
import { backward } from '../autodiff/backward.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { Dim } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import { tokenLosses } from '../nn/losses.ts';
import { tokenChunks } from './token-chunks.ts';

export interface LossInput {
  /** [N, H]. */
  readonly hidden: Tensor;
  /** Output embedding [V, H]. */
  readonly head: Tensor;
  /** int64, N elements. */
  readonly labels: Tensor;
  /** Whether the gradient by the output embedding is asked for too. */
  readonly trainsHead: boolean;
  /** Equal parts of N; 1: all at once. */
  readonly chunks: number;
}

export interface LossAndGradients {
  /** Sum of the losses of all labels. */
  readonly sum: Tensor;
  /** Gradients of `sum`, [N, H] and [V, H]. */
  readonly byHidden: Tensor;
  readonly byHead: Tensor | undefined;
}

/**
 * The loss of a batch and its gradients by what goes into it. Each chunk's gradient is taken before the logits of the next one are
 * computed, so that no more than one chunk has its V numbers for each token, and no logits are computed twice. (The loss is a plain sum,
 * so nothing that comes later changes its gradients but for a factor.)
 */
export function lossInChunks(graph: GraphBuilder, input: LossInput): LossAndGradients {
  const { hidden, head, labels, trainsHead, chunks } = input;
  const parts: ReturnType<typeof lossOf>[] = [];
  for (const chunk of tokenChunks(graph, hidden, labels, chunks)) {
    const before = parts.at(-1);
    const states = graph.after(chunk.hidden, before ? [before.byHidden, before.sum] : []);
    parts.push(lossOf(graph, states, head, chunk.labels, trainsHead));
  }
  const total = (tensors: readonly Tensor[]): Tensor => tensors.reduce((sum, tensor) => graph.add(sum, tensor));
  return {
    sum: total(parts.map(({ sum }) => sum)),
    byHidden: graph.concat(
      parts.map(({ byHidden }) => byHidden),
      0,
      hidden.dims[0] as Dim, // hidden states are a matrix
    ),
    byHead: trainsHead ? total(parts.flatMap(({ byHead }) => byHead ?? [])) : undefined,
  };
}

function lossOf(
  graph: GraphBuilder,
  states: Tensor,
  head: Tensor,
  labels: Tensor,
  trainsHead: boolean,
): LossAndGradients {
  const from = graph.nodes.length;
  const sum = graph.scope('loss', () => graph.reduceSum(tokenLosses(graph, states, head, labels).losses, [0, 1]));
  const [byHidden, byHead] = backward(graph, sum, trainsHead ? [states, head] : [states], { from });
  invariant(byHidden, 'a loss has a gradient by its hidden states');
  return { sum, byHidden, byHead };
}
