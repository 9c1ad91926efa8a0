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

export interface GemmPlan {
  /** For an `Add` node: the product it absorbs and the term that is added to it. */
  readonly absorbed: ReadonlyMap<GraphNode, { readonly product: GraphNode<'MatMul'>; readonly addend: Tensor }>;
  /** The products that are computed by the `Add` that absorbs them. */
  readonly skipped: ReadonlySet<GraphNode>;
}

/**
 * Finds `c + alpha * a @ b` over two dimensions, which the runtime computes in one product that accumulates into c.
 * A LoRA layer is two of these forwards and three backwards, so this saves a pass over memory for each.
 */
export function planGemms(nodes: readonly GraphNode[], outputs: ReadonlySet<Tensor>): GemmPlan {
  const uses = new Map<Tensor, number>();
  const producers = new Map<Tensor, GraphNode>();
  for (const node of nodes) {
    for (const input of node.inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
    for (const output of node.outputs) producers.set(output, node);
  }
  const absorbed = new Map<GraphNode, { product: GraphNode<'MatMul'>; addend: Tensor }>();
  const skipped = new Set<GraphNode>();
  for (const node of nodes) {
    const [a, b] = node.inputs;
    if (node.op !== 'Add' || !a || !b || a === b || a.dims.join() !== b.dims.join()) continue;
    for (const [product, addend] of [
      [b, a],
      [a, b],
    ] as const) {
      const producer = producers.get(product);
      if (!producer || !isProduct(producer) || skipped.has(producer)) continue;
      if (uses.get(product) !== 1 || outputs.has(product)) continue;
      if (producer.inputs.some((operand) => operand.dims.length !== 2)) continue;
      absorbed.set(node, { product: producer, addend });
      skipped.add(producer);
      break;
    }
  }
  return { absorbed, skipped };
}

const isProduct = (node: GraphNode): node is GraphNode<'MatMul'> => node.op === 'MatMul';
