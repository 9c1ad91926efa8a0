import { invariant } from '../../shared/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { Primitive } from '../graph/ops.ts';
import type { GraphNode, Tensor } from '../graph/tensor.ts';
import { piecewiseConstant, vjpRules, type VjpRules } from './vjp-rules.ts';

export interface BackwardOptions {
  /** The gradient that arrives at `loss`, of its shape; absent: 1. With it `loss` may be any tensor (a vector-Jacobian product). */
  readonly outputGradient?: Tensor;
  readonly rules?: VjpRules;
}

/**
 * Appends the backward pass to a graph and returns the gradient of `loss` (one element) by each of `parameters`, in order.
 * Reverse-mode: walk the nodes backwards, apply the rule of each, add up what arrives at a tensor along several paths.
 * Only what depends on a parameter is differentiated, so frozen weights get no gradient products.
 */
export function backward(
  graph: GraphBuilder,
  loss: Tensor,
  parameters: readonly Tensor[],
  options: BackwardOptions = {},
): readonly Tensor[] {
  const rules = options.rules ?? vjpRules;
  const forward = [...graph.nodes];
  const active = dependsOn(forward, parameters, rules);
  invariant(active.has(loss), 'the loss depends on a parameter');
  const gradients = new Map<Tensor, Tensor>([
    [loss, options.outputGradient ?? graph.expand(graph.constant([1]), loss.dims)],
  ]);

  graph.scope('backward', () => {
    for (const node of forward.toReversed()) {
      const outputGradients = node.outputs.map((output) => gradients.get(output));
      const needs = node.inputs.map((input) => active.has(input));
      if (!needs.includes(true) || outputGradients.every((gradient) => gradient === undefined)) continue;
      graph.scope(node.scope, () => {
        const inputGradients = applyRule(graph, rules, node, outputGradients, needs);
        for (const [i, input] of node.inputs.entries()) {
          const gradient = inputGradients[i];
          if (!gradient || !needs[i]) continue;
          const known = gradients.get(input);
          gradients.set(input, known ? graph.add(known, gradient) : gradient);
        }
      });
    }
  });

  return parameters.map((parameter) => {
    const gradient = gradients.get(parameter);
    invariant(gradient, `the loss depends on ${parameter.name}`);
    return gradient;
  });
}

function applyRule<P extends Primitive>(
  graph: GraphBuilder,
  rules: VjpRules,
  node: GraphNode<P>,
  outputGradients: readonly (Tensor | undefined)[],
  needs: readonly boolean[],
): readonly (Tensor | undefined)[] {
  const rule = rules[node.op];
  invariant(rule !== piecewiseConstant, `no gradient flows through ${node.op} in ${node.scope}`);
  return rule(graph, { node, outputGradients, needs });
}

/** Every tensor that changes smoothly when one of `roots` does. */
function dependsOn(nodes: readonly GraphNode[], roots: readonly Tensor[], rules: VjpRules): ReadonlySet<Tensor> {
  const active = new Set<Tensor>(roots);
  for (const node of nodes) {
    if (rules[node.op] === piecewiseConstant || !node.inputs.some((input) => active.has(input))) continue;
    for (const output of node.outputs) active.add(output);
  }
  return active;
}
