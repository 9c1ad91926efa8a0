import { invariant } from '../../shared/errors.ts';
import type { Graph } from './builder.ts';
import { parseDim, productOfDims, type Dim } from './dims.ts';
import { liveNodes } from './passes.ts';
import type { GraphNode, Tensor } from './tensor.ts';

/** Floating-point operations of all matrix products that a run of the graph makes: the sum of 2mnk, nothing else counted. */
export function productFlops(graph: Graph, symbols: Readonly<Record<string, number>>): number {
  return liveNodes(graph).reduce((sum, node) => sum + nodeFlops(node, symbols), 0);
}

function nodeFlops(node: GraphNode, symbols: Readonly<Record<string, number>>): number {
  const size = (dim: Dim): number => evaluateDim(dim, symbols);
  if (isNode('MatMul', node)) {
    const [a] = node.inputs as [Tensor];
    const [y] = node.outputs as [Tensor];
    const inner = a.dims.at(node.attrs.transA ? -2 : -1);
    invariant(inner !== undefined, 'a product has an inner dimension');
    return 2 * size(productOfDims(y.dims)) * size(inner);
  }
  if (isNode('PackedMatMul', node)) {
    const [x] = node.inputs as [Tensor];
    return 2 * size(x.dims[0] as Dim) * node.attrs.shape[0] * node.attrs.shape[1];
  }
  if (isNode('Attention', node)) {
    const [q, k] = node.inputs as [Tensor, Tensor];
    return 2 * 2 * size(productOfDims(q.dims)) * size(k.dims.at(-2) as Dim); // scores and mixture; rank 2 or more by the shape rule
  }
  if (isNode('BlockwiseAttention', node)) return 2 * blockwiseProductFlops(node, symbols);
  if (isNode('BlockwiseAttentionGradient', node)) return 5 * blockwiseProductFlops(node, symbols);
  return 0;
}

/** Of one product over all scores: each block of queries with the keys that some query of it sees. */
function blockwiseProductFlops(
  { inputs, attrs }: GraphNode<'BlockwiseAttention'> | GraphNode<'BlockwiseAttentionGradient'>,
  symbols: Readonly<Record<string, number>>,
): number {
  const [q] = inputs as [Tensor];
  const [batch, keyHeads, groups, length, width] = q.dims.map((dim) => evaluateDim(dim, symbols)) as [
    number,
    number,
    number,
    number,
    number,
  ]; // five by the shape rule
  const block = Math.min(attrs.block, length);
  let scores = 0;
  for (let start = 0; start < length; start += block) {
    const firstKey = attrs.window === undefined ? 0 : Math.max(0, start - attrs.window + 1);
    scores += block * (Math.min(start + block, length) - firstKey);
  }
  return 2 * batch * keyHeads * groups * scores * width;
}

/** The value of a dimension once its symbols are known. */
export function evaluateDim(dim: Dim, values: Readonly<Record<string, number>>): number {
  const { coefficient, symbols } = parseDim(dim);
  return symbols.reduce((product, symbol) => {
    const value = values[symbol];
    invariant(value !== undefined, `the symbol ${symbol} has a value`);
    return product * value;
  }, coefficient);
}

const isNode = <P extends GraphNode['op']>(op: P, node: GraphNode): node is GraphNode<P> => node.op === op;
