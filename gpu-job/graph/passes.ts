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

/** Products that are computed together with a neighbouring node, which saves a pass over memory for each. */
export interface ProductPlan {
  /** For an `Add` node: the product it absorbs and the term that is added to it. */
  readonly absorbed: ReadonlyMap<GraphNode, { readonly product: Product; readonly addend: Tensor }>;
  /** For a product whose rows are scaled after it, not before: the matrix and the column of factors. */
  readonly scaledAfter: ReadonlyMap<GraphNode, { readonly matrix: Tensor; readonly factors: Tensor }>;
  /** The nodes whose work is done by one of those above. */
  readonly skipped: ReadonlySet<GraphNode>;
}

export function planProducts(nodes: readonly GraphNode[], outputs: ReadonlySet<Tensor>): ProductPlan {
  const uses = new Map<Tensor, number>();
  const producers = new Map<Tensor, GraphNode>();
  for (const node of nodes) {
    for (const input of node.inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
    for (const output of node.outputs) producers.set(output, node);
  }
  /** The node that makes a value which nothing else needs. */
  const onlyFor = (tensor: Tensor): GraphNode | undefined =>
    uses.get(tensor) === 1 && !outputs.has(tensor) ? producers.get(tensor) : undefined;

  const absorbed = new Map<GraphNode, { product: Product; addend: Tensor }>();
  const scaledAfter = new Map<GraphNode, { matrix: Tensor; factors: Tensor }>();
  const skipped = new Set<GraphNode>();
  for (const node of nodes) {
    const scaling = isProduct(node) ? scaledRows(node, onlyFor) : undefined;
    if (scaling) {
      scaledAfter.set(node, scaling);
      skipped.add(scaling.by);
    }
    const sum = node.op === 'Add' ? accumulation(node, onlyFor) : undefined;
    if (sum && !skipped.has(sum.product) && !scaledAfter.has(sum.product)) {
      absorbed.set(node, sum);
      skipped.add(sum.product);
    }
  }
  return { absorbed, scaledAfter, skipped };
}

/**
 * c + alpha * a @ b over two dimensions, which the runtime computes as one product that accumulates into c. A LoRA layer is two of
 * these forwards and three backwards.
 */
function accumulation(
  add: GraphNode,
  onlyFor: (tensor: Tensor) => GraphNode | undefined,
): { product: Product; addend: Tensor } | undefined {
  const [a, b] = add.inputs;
  if (!a || !b || a === b || a.dims.join() !== b.dims.join()) return undefined;
  for (const [value, addend] of [
    [b, a],
    [a, b],
  ] as const) {
    const product = onlyFor(value);
    if (product && isProduct(product) && product.inputs.every((operand) => operand.dims.length === 2))
      return { product, addend };
  }
  return undefined;
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

const isProduct = (node: GraphNode): node is Product => node.op === 'MatMul';
