import { invariant } from '../../shared/errors.ts';
import { backward } from '../autodiff/backward.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { Dim } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import { tokenLosses } from '../nn/losses.ts';
import type { HeadStates, OutputHead } from '../nn/output-head.ts';
import { tokenChunks } from './token-chunks.ts';

export interface LossInput {
  readonly states: HeadStates;
  readonly head: OutputHead;
  /** int64, one for each token. */
  readonly labels: Tensor;
  /** Tensors of the head whose gradients are asked for too. */
  readonly trained: readonly Tensor[];
  /** Equal parts of the tokens; 1: all at once. */
  readonly chunks: number;
}

export interface LossAndGradients {
  /** Sum of the losses of all labels. */
  readonly sum: Tensor;
  /** Of each token, [N, 1]. */
  readonly losses: Tensor;
  /** Gradients of `sum` by the states. */
  readonly byStates: HeadStates;
  /** By each of `trained`. */
  readonly byTrained: readonly Tensor[];
}

/**
 * The loss of a batch and its gradients by what goes into it. Each chunk's gradient is taken before the logits of the next one are
 * computed, so that no more than one chunk has its V numbers for each token, and no logits are computed twice. (The loss is a plain sum,
 * so nothing that comes later changes its gradients but for a factor.)
 */
export function lossInChunks(graph: GraphBuilder, input: LossInput): LossAndGradients {
  const { states, head, labels, trained, chunks } = input;
  const parts: LossAndGradients[] = [];
  for (const chunk of tokenChunks(graph, states, labels, chunks)) {
    const before = parts.at(-1);
    const hidden = graph.after(chunk.states.hidden, before ? [before.byStates.hidden, before.sum] : []);
    parts.push(lossOf(graph, { ...chunk.states, hidden }, head, chunk.labels, trained));
  }
  const total = (tensors: readonly Tensor[]): Tensor => tensors.reduce((sum, tensor) => graph.add(sum, tensor));
  const joined = (of: (states: HeadStates) => Tensor | undefined): Tensor =>
    graph.concat(
      parts.flatMap(({ byStates }) => of(byStates) ?? []),
      0,
      states.hidden.dims[0] as Dim, // states are matrices
    );
  return {
    sum: total(parts.map(({ sum }) => sum)),
    losses: graph.concat(
      parts.map(({ losses }) => losses),
      0,
      states.hidden.dims[0] as Dim,
    ),
    byStates: { hidden: joined(({ hidden }) => hidden), ...(states.low ? { low: joined(({ low }) => low) } : {}) },
    byTrained: trained.map((_, i) => total(parts.flatMap(({ byTrained }) => byTrained[i] ?? []))),
  };
}

function lossOf(
  graph: GraphBuilder,
  states: HeadStates,
  head: OutputHead,
  labels: Tensor,
  trained: readonly Tensor[],
): LossAndGradients {
  const from = graph.nodes.length;
  const { losses } = graph.scope('loss', () => tokenLosses(graph, states, head, labels));
  const sum = graph.scope('loss', () => graph.reduceSum(losses, [0, 1]));
  const { hidden, low } = states;
  const [byHidden, ...rest] = backward(graph, sum, [hidden, ...trained, ...(low ? [low] : [])], { from });
  const [byTrained, [byLow]] = [rest.slice(0, trained.length), rest.slice(trained.length)];
  invariant(byHidden, 'a loss has a gradient by its hidden states');
  return { sum, losses, byStates: { hidden: byHidden, ...(byLow ? { low: byLow } : {}) }, byTrained };
}
