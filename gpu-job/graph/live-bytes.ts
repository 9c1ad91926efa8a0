import type { Graph } from './builder.ts';
import { productOfDims } from './dims.ts';
import type { DType } from './dtype.ts';
import { evaluateDim } from './flops.ts';
import { liveNodes, planLateScaling } from './passes.ts';
import type { GraphNode, Tensor } from './tensor.ts';

export interface LivePeak {
  /** Largest sum of what is held at one time. */
  readonly bytes: number;
  /** What was computed then. */
  readonly at: string;
}

/**
 * What a run of the graph holds, at its peak, of the values that it makes: counted node by node in the order in which the runtime takes
 * them, each value freed after its last use. (With symbolic shapes the runtime writes no result into the buffer of an operand.) Inputs,
 * weights and results are not counted, nor is what an allocator loses between values. `folds`: what is made of weights alone is made once,
 * when the graph is opened, and is a weight like them.
 */
export function peakLiveBytes(
  graph: Graph,
  symbols: Readonly<Record<string, number>>,
  { folds = false }: { readonly folds?: boolean } = {},
): LivePeak {
  const outputs = new Set(graph.outputs.values());
  const { skipped } = planLateScaling(liveNodes(graph), outputs);
  const nodes = runtimeOrder(graph);
  /** Values that are another one under another shape. */
  const same = new Map<Tensor, Tensor>();
  for (const node of nodes) {
    const [x, y] = [node.inputs[0], node.outputs[0]];
    if (x && y && (node.op === 'Reshape' || skipped.has(node))) same.set(y, same.get(x) ?? x);
  }
  const bufferOf = (tensor: Tensor): Tensor => same.get(tensor) ?? tensor;
  const bytesOf = ({ dtype, dims }: Tensor): number => elementBytes[dtype] * evaluateDim(productOfDims(dims), symbols);

  const uses = new Map<Tensor, number>();
  const use = (tensor: Tensor, by: number): void =>
    void uses.set(bufferOf(tensor), (uses.get(bufferOf(tensor)) ?? 0) + by);
  for (const { inputs, outputs } of nodes) for (const tensor of [...inputs, ...outputs]) use(tensor, 1);

  const notCounted = new Set([...outputs].map(bufferOf));
  const constants = new Set(graph.constants.map(({ tensor }) => tensor));
  const held = new Map<Tensor, number>();
  let now = 0;
  let peak: LivePeak = { bytes: 0, at: '' };
  for (const node of nodes) {
    const isFolded = folds && node.inputs.every((input) => constants.has(input));
    for (const output of node.outputs) {
      if (isFolded) constants.add(output);
      if (isFolded || same.has(output) || notCounted.has(output)) continue;
      held.set(output, bytesOf(output));
      now += bytesOf(output);
    }
    const bytes = now + scratchBytes(node, symbols, bytesOf);
    if (bytes > peak.bytes) peak = { bytes, at: `${node.scope}/${node.op}` };
    for (const tensor of [...node.inputs, ...node.outputs]) {
      use(tensor, -1);
      const buffer = bufferOf(tensor);
      if (uses.get(buffer) !== 0) continue;
      now -= held.get(buffer) ?? 0;
      held.delete(buffer);
    }
  }
  return peak;
}

const elementBytes: Readonly<Record<DType, number>> = {
  float32: 4,
  int32: 4,
  uint16: 2,
  int8: 1,
  uint8: 1,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  bool: 1,
};

/** From the last output back, depth first, and of the inputs of a node the one that was written last first: as the runtime sorts a graph. */
function runtimeOrder(graph: Graph): readonly GraphNode[] {
  const nodes = liveNodes(graph).flatMap(inParts);
  const place = new Map(nodes.map((node, i) => [node, i]));
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const producersOf = (tensors: Iterable<Tensor>): GraphNode[] => [
    ...new Set([...tensors].flatMap((tensor) => producers.get(tensor) ?? [])),
  ];
  const order: GraphNode[] = [];
  const seen = new Set<GraphNode>();
  const stack = producersOf(graph.outputs.values()).map((node) => ({ node, isDone: false }));
  for (let entry = stack.pop(); entry; entry = stack.pop()) {
    const { node, isDone } = entry;
    if (isDone) order.push(node);
    if (isDone || seen.has(node)) continue;
    seen.add(node);
    stack.push({ node, isDone: true });
    const before = producersOf(node.inputs).sort((a, b) => (place.get(a) ?? 0) - (place.get(b) ?? 0));
    stack.push(...before.map((producer) => ({ node: producer, isDone: false })));
  }
  return order;
}

/** A primitive whose results the runtime computes apart: the softmax of `LogSumExp` first, and the sum only where it is asked for. */
function inParts(node: GraphNode): readonly GraphNode[] {
  const [y, p] = node.outputs;
  if (node.op !== 'LogSumExp' || !y || !p) return [node];
  return [
    { ...node, outputs: [p] },
    { ...node, inputs: [...node.inputs, p], outputs: [y] },
  ];
}

/** What a node holds only while it runs. */
function scratchBytes(
  { op, attrs, inputs, outputs }: GraphNode,
  symbols: Readonly<Record<string, number>>,
  bytesOf: (tensor: Tensor) => number,
): number {
  const [first] = inputs;
  const [y] = outputs;
  if (!first || !y) return 0;
  if (op === 'After' || op === 'Where') return 2 * bytesOf(y); // what is chosen of either side, before both are put together
  if (op === 'PackedMatMul' || op === 'Unpack') {
    const { shape } = attrs as { readonly shape: readonly [number, number] }; // op says which attributes they are
    return 2 * 4 * shape[0] * shape[1]; // the matrix, and what it is made of one step before
  }
  if (op === 'Attention') return 2 * (outputs[1] ? bytesOf(outputs[1]) : 0); // scores, and scores with the mask
  if (op !== 'BlockwiseAttention' && op !== 'BlockwiseAttentionGradient') return 0;
  const { block } = attrs as { readonly block: number }; // op says which attributes they are
  const length = evaluateDim(first.dims[3] ?? 1, symbols); // q is [B, K, G, T, D]
  const scores = bytesOf(first) * (Math.min(block, length) / evaluateDim(first.dims[4] ?? 1, symbols));
  // the collected blocks before they are joined; keys and values, and in the gradient their sums, for one block
  const states =
    op === 'BlockwiseAttention' ? 2 * bytesOf(first) : 2 * bytesOf(first) + 4 * bytesOf(inputs[1] ?? first);
  return 2 * scores + states;
}
