import type { GraphBuilder } from '../../gpu-job/graph/builder.ts';
import type { GraphNode } from '../../gpu-job/graph/tensor.ts';

/** Takes out of a graph what tells the runtime the order: all of it, or where `forgets` says so. */
export function forgetOrder(graph: GraphBuilder, forgets: (node: GraphNode) => boolean = () => true): void {
  for (const [i, node] of graph.nodes.entries()) {
    const [x] = node.inputs;
    if (node.op === 'After' && x && forgets(node))
      graph.nodes[i] = { ...node, op: 'Reshape', inputs: [x], attrs: { dims: x.dims } };
  }
}
