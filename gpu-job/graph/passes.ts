import type { Graph } from './builder.ts';
import type { GraphNode, Tensor } from './tensor.ts';

/** The nodes that some output depends on, in their order. */
export function liveNodes(graph: Graph): readonly GraphNode[] {
  const needed = new Set<Tensor>(graph.outputs.values());
  const live: GraphNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    live.push(node);
    for (const input of node.inputs) needed.add(input);
  }
  return live.toReversed();
}

type Product = GraphNode<'MatMul'>;

/** Products whose left rows are multiplied by factors first in the graph, and after the product when it runs. */
export interface LateScaling {
  /** For such a product: the unscaled matrix and the column of factors. */
  readonly products: ReadonlyMap<GraphNode, { readonly matrix: Tensor; readonly factors: Tensor }>;
  /** The multiplications whose work is done there. */
  readonly skipped: ReadonlySet<GraphNode>;
}

export function planLateScaling(nodes: readonly GraphNode[], outputs: ReadonlySet<Tensor>): LateScaling {
  const uses = new Map<Tensor, number>();
  const producers = new Map<Tensor, GraphNode>();
  for (const node of nodes) {
    for (const input of node.inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
    for (const output of node.outputs) producers.set(output, node);
  }
  /** The node that makes a value which nothing else needs. */
  const onlyFor = (tensor: Tensor): GraphNode | undefined =>
    uses.get(tensor) === 1 && !outputs.has(tensor) ? producers.get(tensor) : undefined;

  const products = new Map<GraphNode, { matrix: Tensor; factors: Tensor }>();
  const skipped = new Set<GraphNode>();
  for (const node of nodes) {
    const scaling = node.op === 'MatMul' ? scaledRows(node as Product, onlyFor) : undefined; // op says which node it is
    if (!scaling) continue;
    products.set(node, scaling);
    skipped.add(scaling.by);
  }
  return { products, skipped };
}

/**
 * (x * column) @ b as (x @ b) * column where the product is the smaller matrix: the gradient of the logits, which has an entry for
 * every word of the vocabulary, is never written.
 */
function scaledRows(
  product: Product,
  onlyFor: (tensor: Tensor) => GraphNode | undefined,
): { matrix: Tensor; factors: Tensor; by: GraphNode } | undefined {
  const [left] = product.inputs;
  const [width, productWidth] = [left?.dims.at(-1), product.outputs[0]?.dims.at(-1)];
  if (!left || product.attrs.transA || typeof width !== 'number' || typeof productWidth !== 'number') return undefined;
  const by = onlyFor(left);
  if (by?.op !== 'Mul' || productWidth >= width) return undefined;
  const [matrix, factors] = by.inputs;
  if (!matrix || !factors || matrix.dims.join() !== left.dims.join()) return undefined;
  if (factors.dims.join() !== [...left.dims.slice(0, -1), 1].join()) return undefined;
  return { matrix, factors, by };
}
