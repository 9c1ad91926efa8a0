import { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Parameter } from '../methods/method.ts';
import type { AdamWOptions } from './optimizers.ts';

/** Names of what an update takes and gives, for one parameter. */
export const momentNames = (parameter: string): { readonly first: string; readonly second: string } => ({
  first: `first moment of ${parameter}`,
  second: `second moment of ${parameter}`,
});
export const nextName = (name: string): string => `next ${name}`;
export const sumName = (parameter: string): string => `sum for ${parameter}`;
export const addedName = (parameter: string): string => `addend for ${parameter}`;

/** Sums and addends in, sums out: what `addTo` does, where the gradients are. */
export function sumGraph(parameters: readonly Parameter[]): GraphBuilder {
  const graph = new GraphBuilder();
  for (const { name, shape } of parameters) {
    const sum = graph.input(sumName(name), 'float32', shape);
    graph.output(nextName(sumName(name)), graph.add(sum, graph.input(addedName(name), 'float32', shape)));
  }
  return graph;
}

/** Sum of the squares of all gradients, []: what `globalNorm` is the root of. */
export function squaresGraph(parameters: readonly Parameter[]): GraphBuilder {
  const graph = new GraphBuilder();
  let total: Tensor | undefined;
  for (const { name, shape } of parameters) {
    const gradient = graph.input(sumName(name), 'float32', shape);
    const axes = shape.slice(1).map((_, i) => i);
    const squares = graph.reshape(graph.reduceSum(graph.sumSquares(gradient), axes), []);
    total = total ? graph.add(total, squares) : squares;
  }
  graph.output('squares', total ?? graph.constant([0]));
  return graph;
}

/**
 * AdamW in float32, in the form of `createAdamW`: parameters, moments and gradients in, parameters and moments out.
 *   m <- m + (1 - b1)(g - m);  v <- b2 v + (1 - b2) g^2;  p <- p decay - step m / (sqrt(v) + smallest)
 * `gradient_scale`, `smallest` and, for each kind of parameter (`updateKind`), `step` and `decay` are fed, [] each.
 */
export function updateGraph(parameters: readonly Parameter[], { beta1, beta2 }: AdamWOptions): GraphBuilder {
  const graph = new GraphBuilder();
  const scalars = new Map<string, Tensor>();
  const scalar = (name: string): Tensor => {
    const known = scalars.get(name) ?? graph.input(name, 'float32', []);
    scalars.set(name, known);
    return known;
  };
  for (const parameter of parameters) {
    const { name, shape } = parameter;
    const names = momentNames(name);
    const input = (from: string): Tensor => graph.input(from, 'float32', shape);
    const [p, m, v] = [input(name), input(names.first), input(names.second)];
    const g = graph.mul(input(sumName(name)), scalar('gradient_scale'));
    const first = graph.add(m, graph.mul(graph.sub(g, m), 1 - beta1));
    const second = graph.add(graph.mul(v, beta2), graph.mul(graph.mul(g, g), 1 - beta2));
    const kind = updateKind(parameter);
    const size = graph.div(graph.mul(first, scalar(`step ${kind}`)), graph.add(graph.sqrt(second), scalar('smallest')));
    graph.output(nextName(name), graph.sub(graph.mul(p, scalar(`decay ${kind}`)), size));
    graph.output(nextName(names.first), first);
    graph.output(nextName(names.second), second);
  }
  return graph;
}

/** Parameters of one kind have one rate and one decay. */
export function updateKind({ shape, group, decays = shape.length > 1 }: Parameter): string {
  return `${group ?? 'all'} ${decays ? 'decaying' : 'kept'}`;
}

/** Inputs of these names and shapes, and a copy of each. */
export function copyGraph(values: readonly Pick<Parameter, 'name' | 'shape'>[]): GraphBuilder {
  const graph = new GraphBuilder();
  for (const { name, shape } of values) graph.output(nextName(name), graph.detach(graph.input(name, 'float32', shape)));
  return graph;
}
