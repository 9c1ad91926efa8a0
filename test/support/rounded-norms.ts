import type { Graph } from '../../gpu-job/graph/builder.ts';
import type { GraphNode, Tensor } from '../../gpu-job/graph/tensor.ts';

/** The graph with its norms in bfloat16: each operand and result of a norm and of its gradient is rounded. A fault, planted by tests. */
export function withRoundedNorms(graph: Graph): Graph {
  const inverses = new Set(graph.nodes.flatMap(({ op, outputs }) => (op === 'RmsNorm' ? outputs.slice(1) : [])));
  const ofNorms = new Set<Tensor>(inverses);
  const nodes = graph.nodes.flatMap((node) => {
    // what the inverse of a length goes into is the gradient of its norm, up to the sum that leaves it
    const isNorm = node.op === 'RmsNorm' || (node.op !== 'Add' && node.inputs.some((input) => ofNorms.has(input)));
    if (!isNorm) return [node];
    for (const output of node.outputs) if (node.op !== 'RmsNorm') ofNorms.add(output);
    return rounded(node);
  });
  return { ...graph, nodes, inputs: graph.inputs, constants: graph.constants, outputs: graph.outputs };
}

function rounded(node: GraphNode): readonly GraphNode[] {
  const before: GraphNode[] = [];
  const after: GraphNode[] = [];
  const cast = (from: Tensor, to: Tensor): GraphNode => ({
    op: 'Cast',
    inputs: [from],
    outputs: [to],
    attrs: { to: to.dtype },
    scope: node.scope,
  });
  const inputs = node.inputs.map((input, i) => {
    const label = `${node.outputs[0]?.name} operand ${i}`;
    const short = { ...input, name: `${label} short`, dtype: 'bfloat16' } as const;
    const wide = { ...input, name: label };
    before.push(cast(input, short), cast(short, wide));
    return wide;
  });
  const outputs = node.outputs.map((output) => {
    const exact = { ...output, name: `${output.name} exact` };
    const short = { ...output, name: `${output.name} short`, dtype: 'bfloat16' } as const;
    after.push(cast(exact, short), cast(short, output));
    return exact;
  });
  return [...before, { ...node, inputs, outputs }, ...after];
}
