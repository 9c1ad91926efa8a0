import { invariant } from '../../shared/errors.ts';
import type { GraphBuilder, Segment } from '../graph/builder.ts';
import type { Primitive } from '../graph/ops.ts';
import type { GraphNode, Tensor } from '../graph/tensor.ts';
import { piecewiseConstant, vjpRules, type VjpRules } from './vjp-rules.ts';

export interface BackwardOptions {
  /** The gradient that arrives at `loss`, of its shape; absent: 1. With it `loss` may be any tensor (a vector-Jacobian product). */
  readonly outputGradient?: Tensor;
  /** Gradients that come from elsewhere and are added to. */
  readonly arrived?: ReadonlyMap<Tensor, Tensor>;
  /** Nodes before this place stay as they are: what they make is not differentiated. */
  readonly from?: number;
  /** Whether segments of the graph are computed again when their turn comes, so that nothing in them is kept until then. */
  readonly recompute?: boolean;
  /** Whether weights that were cast are cast once more where the way back needs them, so that they are not kept until then. */
  readonly castAgain?: boolean;
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
  const { rules = vjpRules, from = 0, recompute = false, castAgain = false } = options;
  const forward = graph.nodes.slice(from);
  const active = dependsOn(forward, parameters, rules);
  invariant(active.has(loss), 'the loss depends on a parameter');
  const gradients = new Map(options.arrived);
  const arrive = (at: Tensor, gradient: Tensor): void => {
    const known = gradients.get(at);
    gradients.set(at, known ? graph.add(known, gradient) : gradient);
  };

  arrive(loss, options.outputGradient ?? graph.expand(graph.constant([1]), loss.dims));

  const walk = (nodes: readonly GraphNode[]): void => {
    for (const node of nodes.toReversed()) {
      const outputGradients = node.outputs.map((output) => gradients.get(output));
      const needs = node.inputs.map((input) => active.has(input));
      if (!needs.includes(true) || outputGradients.every((gradient) => gradient === undefined)) continue;
      graph.scope(node.scope, () => {
        const inputs = castAgain ? node.inputs.map((input) => graph.castAgain(input)) : node.inputs;
        const inputGradients = applyRule(graph, rules, { ...node, inputs }, outputGradients, needs);
        for (const [i, input] of node.inputs.entries()) {
          const gradient = inputGradients[i];
          if (gradient && needs[i]) arrive(input, gradient);
        }
      });
    }
  };

  /**
   * The input is let in again only when the gradient of the output is there, and the gradient of the input is let out only when those
   * of all parameters are there: between the two, and at no other time, the runtime has to hold what the segment makes.
   */
  const walkAgain = ({ input, output }: Segment, nodes: readonly GraphNode[]): void => {
    const arrived = gradients.get(output);
    if (!arrived) return;
    const again = new Map([[input, graph.after(input, [arrived])]]);
    const repeated = nodes.map((node) => repeatOn(graph, node, again));
    for (const [original, copy] of again) if (active.has(original)) active.add(copy);
    const before = parameters.map((parameter) => gradients.get(parameter));
    gradients.set(again.get(output) ?? output, arrived);
    walk(repeated);
    const made = parameters.flatMap((parameter, i) => {
      const gradient = gradients.get(parameter);
      return gradient && gradient !== before[i] ? [gradient] : [];
    });
    const leaving = gradients.get(again.get(input) ?? input);
    if (leaving) arrive(input, graph.after(leaving, made));
  };

  graph.scope('backward', () => {
    let end = forward.length;
    for (const segment of recompute ? graph.segments.toReversed() : []) {
      if (segment.from < from) continue;
      walk(forward.slice(segment.to - from, end));
      end = segment.from - from;
      walkAgain(segment, forward.slice(end, segment.to - from));
    }
    walk(forward.slice(0, end));
  });

  return parameters.map((parameter) => {
    const gradient = gradients.get(parameter);
    invariant(gradient, `the loss depends on ${parameter.name}`);
    return gradient;
  });
}

/** The node once more, on what `again` has in the place of its inputs; its outputs are added there. */
function repeatOn<P extends Primitive>(graph: GraphBuilder, node: GraphNode<P>, again: Map<Tensor, Tensor>): GraphNode {
  const inputs = node.inputs.map((input) => again.get(input) ?? input);
  const outputs = graph.scope(node.scope, () => graph.applyAll(node.op, inputs, node.attrs));
  for (const [i, output] of node.outputs.entries()) again.set(output, outputs[i] as Tensor); // the same primitive has as many
  return { ...node, inputs, outputs };
}

function applyRule<P extends Primitive>(
  graph: GraphBuilder,
  rules: VjpRules,
  node: GraphNode<P>,
  outputGradients: readonly (Tensor | undefined)[],
  needs: readonly boolean[],
): readonly (Tensor | undefined)[] {
  const rule = rules[node.op];
  invariant(typeof rule === 'function', `no gradient flows through ${node.op} in ${node.scope}`);
  return rule(graph, { node, outputGradients, needs });
}

/** Every tensor that changes smoothly when one of `roots` does. */
function dependsOn(nodes: readonly GraphNode[], roots: readonly Tensor[], rules: VjpRules): Set<Tensor> {
  const active = new Set<Tensor>(roots);
  for (const node of nodes) {
    if (rules[node.op] === piecewiseConstant || !node.inputs.some((input) => active.has(input))) continue;
    for (const output of node.outputs) active.add(output);
  }
  return active;
}
