import { invariant } from '../../shared/errors.ts';
import type { FloatType, Graph } from './builder.ts';
import type { Dims } from './dims.ts';
import { Emitter } from './emitter.ts';
import { lowerBlockwiseAttention, lowerBlockwiseAttentionGradient } from './lower-blockwise.ts';
import { emitProduct, emitRowProduct, type Matrix } from './emit-product.ts';
import { encodeOnnx, type OnnxModel, type OnnxNode } from './onnx.ts';
import { geluTanh, type Primitive } from './ops.ts';
import { lowerPackedMatMul, lowerUnpack } from './lower-packed.ts';
import { liveNodes, planLateScaling } from './passes.ts';
import type { GraphTarget } from './compute.ts';
import type { GraphNode, Tensor } from './tensor.ts';

/** How one primitive is spelled in ONNX operators. */
type Lowering<P extends Primitive> = (emit: Emitter, node: GraphNode<P>, float: FloatType) => void;

/**
 * Translates a graph into ONNX bytes. In float32 the runtime's fused kernels are used (`com.microsoft`); in float64, where they
 * do not exist, the same primitives are spelled out: gradient checks run on the plain spelling and a test holds both together.
 */
export function lowerToOnnx(graph: Graph, float: FloatType, target?: GraphTarget): Uint8Array {
  return encodeOnnx(lowerGraph(graph, float, target));
}

export function lowerGraph(graph: Graph, float: FloatType, target: GraphTarget = {}): OnnxModel {
  const isPlain = (target.compute ?? 'float32') === 'float32' && (target.device ?? 'cpu') === 'cpu';
  invariant(float === 'float32' || isPlain, 'float64 graphs are for checks, on the processor');
  const nodes = liveNodes(graph);
  const late = planLateScaling(nodes, new Set(graph.outputs.values()));
  const emit = new Emitter(graph.inputs, target);
  for (const node of nodes) {
    if (late.skipped.has(node)) continue;
    const scaling = late.products.get(node);
    if (scaling) lowerScaledAfter(emit, node, scaling.matrix, scaling.factors, float);
    else lowerNode(emit, node, float);
  }
  const outputs = [...graph.outputs].map(([name, tensor]) => {
    emit.node('Identity', [tensor.name], [name]);
    return { ...tensor, name };
  });
  const emitted = usedNodes(emit.nodes, graph.outputs.keys());
  const used = new Set(inputsOf(emitted));
  return {
    nodes: emitted,
    initializers: [...graph.constants, ...emit.constants].filter(({ tensor }) => used.has(tensor.name)),
    inputs: graph.inputs.filter((input) => used.has(input.name)),
    outputs,
  };
}

/** A weight that only products read is not cast to float32 where they read it as it is stored. */
function usedNodes(nodes: readonly OnnxNode[], outputs: Iterable<string>): OnnxNode[] {
  const needed = new Set(outputs);
  const used = nodes.toReversed().filter((node) => {
    if (!node.outputs.some((output) => needed.has(output))) return false;
    for (const input of inputsOf([node])) needed.add(input);
    return true;
  });
  return used.toReversed();
}

function inputsOf(nodes: readonly OnnxNode[]): string[] {
  return nodes.flatMap(({ inputs, attrs }) => [
    ...inputs,
    ...Object.values(attrs).flatMap((value) =>
      typeof value === 'object' && 'nodes' in value ? inputsOf(value.nodes) : [],
    ),
  ]);
}

function lowerNode<P extends Primitive>(emit: Emitter, node: GraphNode<P>, float: FloatType): void {
  emit.scope = node.scope;
  lowerings[node.op](emit, node, float);
}

function lowerScaledAfter(emit: Emitter, product: GraphNode, matrix: Tensor, factors: Tensor, float: FloatType): void {
  const [y] = product.outputs as [Tensor];
  const unscaled = { ...y, name: `${y.name} unscaled` };
  lowerNode(emit, { ...product, inputs: product.inputs.with(0, matrix), outputs: [unscaled] }, float);
  emit.node('Mul', [unscaled.name, factors.name], [y.name]);
}

/**
 * A prime below 2^31 that is 2 more than a multiple of 3, so that cubes modulo it are all different: x -> (x + shift)^3 mixes integers as a
 * hash does. The shift keeps small numbers from small cubes.
 */
const cubePrime = 2_147_483_579;
const cubeShift = 1_013_904_223;

const names = (tensors: readonly Tensor[]): string[] => tensors.map((tensor) => tensor.name);

const matrix = ({ name, dims }: Tensor): Matrix => ({ name, rank: dims.length });

const direct =
  <P extends Primitive>(op: string): Lowering<P> =>
  (emit, node) =>
    emit.node(op, names(node.inputs), names(node.outputs));

const lowerings: { readonly [P in Primitive]: Lowering<P> } = {
  Add: direct('Add'),
  Sub: direct('Sub'),
  Mul: direct('Mul'),
  Div: direct('Div'),
  Where: direct('Where'),
  Exp: direct('Exp'),
  Sqrt: direct('Sqrt'),
  Sigmoid: direct('Sigmoid'),
  Silu(emit, node, float) {
    const [x] = names(node.inputs) as [string];
    if (float === 'float32') {
      emit.node('QuickGelu', [x], names(node.outputs), { alpha: { float: 1 } }, 'com.microsoft');
      return;
    }
    emit.node('Mul', [x, emit.value('Sigmoid', [x])], names(node.outputs));
  },
  GeluTanh(emit, node, float) {
    const [x] = names(node.inputs) as [string];
    if (float === 'float32') {
      emit.node('Gelu', [x], names(node.outputs), { approximate: 'tanh' });
      return;
    }
    const { slope, cubic } = geluTanh;
    const square = emit.value('Mul', [emit.value('Mul', [x, x]), emit.scalar(slope * cubic, float)]);
    const steepness = emit.value('Add', [square, emit.scalar(slope, float)]);
    emit.node('Mul', [x, emit.value('Sigmoid', [emit.value('Mul', [x, steepness])])], names(node.outputs));
  },
  Cast(emit, node) {
    const [[x], [y]] = [node.inputs as [Tensor], names(node.outputs) as [string]];
    emit.cast(x.name, node.attrs.to, y);
    emit.castFrom.set(y, x);
  },

  MatMul(emit, node, float) {
    const [[a, b], [y]] = [node.inputs as [Tensor, Tensor], names(node.outputs)];
    emitProduct(emit, matrix(a), matrix(b), node.attrs, float, y);
  },
  RowProduct(emit, node) {
    const [[a, b], [y]] = [names(node.inputs) as [string, string], names(node.outputs) as [string]];
    emitRowProduct(emit, a, b, y);
  },
  PackedMatMul: lowerPackedMatMul,
  Unpack: lowerUnpack,
  ReduceSum: (emit, node) =>
    emit.node('ReduceSum', [...names(node.inputs), emit.integers(node.attrs.axes)], names(node.outputs), {
      keepdims: 1,
    }),
  SumSquares: (emit, node) =>
    emit.node('ReduceSumSquare', [...names(node.inputs), emit.integers([-1])], names(node.outputs), { keepdims: 1 }),
  LogSumExp(emit, node) {
    const [x] = names(node.inputs) as [string];
    const [y, p] = names(node.outputs) as [string, string];
    const largest = (of: string): string => emit.value('ReduceMax', [of, emit.integers([-1])], { keepdims: 1 });
    emit.node('Softmax', [x], [p], { axis: -1 });
    // log p = x - y holds for every entry; the likeliest one has p >= 1 / V, so its logarithm is exact enough. ReduceLogSumExp
    // and the exponential of x - y, which the gradient needs, would take five times as long.
    emit.node('Sub', [largest(x), emit.value('Log', [largest(p)])], [y]);
  },
  ArgMax: (emit, node) => emit.node('ArgMax', names(node.inputs), names(node.outputs), { axis: -1, keepdims: 0 }),

  RmsNorm(emit, node, float) {
    const { epsilon } = node.attrs;
    const [x, weight] = names(node.inputs) as [string, string];
    const [y, inverse] = names(node.outputs) as [string, string];
    if (float === 'float32') {
      const attrs = { axis: -1, epsilon: { float: epsilon }, stash_type: 1 };
      emit.node('SimplifiedLayerNormalization', [x, weight], [y, inverse], attrs);
      return;
    }
    const meanSquare = emit.value('ReduceMean', [emit.value('Mul', [x, x]), emit.integers([-1])], { keepdims: 1 });
    const root = emit.value('Sqrt', [emit.value('Add', [meanSquare, emit.scalar(epsilon, float)])]);
    emit.node('Reciprocal', [root], [inverse]);
    emit.node('Mul', [emit.value('Mul', [x, inverse]), weight], [y]);
  },
  Attention(emit, node, float) {
    const [q, k, v, mask] = node.inputs as [Tensor, Tensor, Tensor, Tensor];
    const [o, p] = names(node.outputs) as [string, string];
    const { scale } = node.attrs;
    const scores = emitProduct(emit, matrix(q), matrix(k), { transB: true, alpha: scale }, float);
    emit.node('Softmax', [emit.value('Add', [scores, mask.name])], [p], { axis: -1 });
    emitProduct(emit, { name: p, rank: v.dims.length }, matrix(v), {}, float, o);
  },
  BlockwiseAttention: lowerBlockwiseAttention,
  BlockwiseAttentionGradient: lowerBlockwiseAttentionGradient,
  Rope(emit, node, float) {
    const [x, positions, cos, sin] = names(node.inputs) as [string, string, string, string];
    const sine = node.attrs.inverse ? emit.cached('Neg', sin) : sin;
    if (float === 'float32') {
      emit.node('RotaryEmbedding', [x, positions, cos, sine], names(node.outputs), { interleaved: 0 }, 'com.microsoft');
      return;
    }
    const half = Number(node.inputs[0]?.dims[3] ?? 0) / 2;
    const rows = (table: string): string =>
      emit.value('Unsqueeze', [emit.value('Gather', [table, positions], { axis: 0 }), emit.integers([1])]); // [B, 1, T, D/2]
    const [c, s] = [rows(cos), rows(sine)];
    const [first, second] = emit.values('Split', [x, emit.integers([half, half])], 2, { axis: 3 }) as [string, string];
    const turn = (op: string, a: string, b: string): string =>
      emit.value(op, [emit.value('Mul', [a, c]), emit.value('Mul', [b, s])]);
    emit.node('Concat', [turn('Sub', first, second), turn('Add', second, first)], names(node.outputs), { axis: 3 });
  },

  Detach: direct('Identity'),

  After(emit, node) {
    const [x, ...others] = node.inputs as [Tensor, ...Tensor[]];
    // one number of each result is read: the runtime cannot know that the choice never falls on them
    const samples = others.map(({ name, dims, dtype }) => {
      const sample = emit.value('GatherND', [name, emit.integers(dims.map(() => 0))]);
      return dtype === x.dtype ? sample : emit.cast(sample, x.dtype);
    });
    const sample = samples.length === 1 ? samples : [emit.value('Sum', samples)];
    emit.node('Where', [emit.always(), x.name, ...sample], names(node.outputs));
  },

  Reshape(emit, node) {
    const [x] = node.inputs as [Tensor];
    emit.node('Reshape', [x.name, emit.reshapeTarget(x.dims, node.attrs.dims)], names(node.outputs));
  },
  Transpose: (emit, node) => emit.node('Transpose', names(node.inputs), names(node.outputs), { perm: node.attrs.perm }),
  Expand: (emit, node) =>
    emit.node(
      'Expand',
      [...names(node.inputs), emit.expandTarget(node.inputs[0]?.dims ?? [], node.attrs.dims)],
      names(node.outputs),
    ),
  Concat: (emit, node) => emit.node('Concat', names(node.inputs), names(node.outputs), { axis: node.attrs.axis }),
  Split(emit, node) {
    const { axis, sizes } = node.attrs;
    const known = sizes.every((size) => typeof size === 'number');
    if (known) emit.node('Split', [...names(node.inputs), emit.integers(sizes)], names(node.outputs), { axis });
    else emit.node('Split', names(node.inputs), names(node.outputs), { axis, num_outputs: sizes.length });
  },
  Gather: (emit, node) => emit.node('Gather', names(node.inputs), names(node.outputs), { axis: 0 }),
  ScatterAddRows(emit, node) {
    const [indices, updates] = node.inputs as [Tensor, Tensor];
    const [, width] = updates.dims as [Dims[number], number];
    invariant(typeof width === 'number', 'rows of known length are scattered');
    const zeros = emit.filled(0, [node.attrs.rows, width], updates.dtype);
    // ScatterElements adds one element after the other; ScatterND splits the work over threads and its sums race
    const column = emit.value('Unsqueeze', [indices.name, emit.integers([1])]);
    const spread = emit.value('Expand', [column, emit.integers([1, width])]);
    emit.node('ScatterElements', [zeros, spread, updates.name], names(node.outputs), { axis: 0, reduction: 'add' });
  },

  Equal: direct('Equal'),
  GreaterOrEqual: direct('GreaterOrEqual'),
  Less: direct('Less'),
  And: direct('And'),
  Not: direct('Not'),
  DropoutMask(emit, node) {
    const [like, seed] = node.inputs as [Tensor, Tensor];
    const { rate, stream } = node.attrs;
    const integer = (x: number): string => emit.integers([x], []);
    // of integers, arithmetic alone: the CUDA provider has no kernels for bits, and nothing here exceeds 63 of them
    const reduce = (x: string): string => emit.value('Mod', [x, integer(cubePrime)]);
    const hash = (x: string): string => {
      const y = reduce(emit.value('Add', [x, integer(cubeShift)]));
      return reduce(emit.value('Mul', [reduce(emit.value('Mul', [y, y])), y]));
    };

    const shape = emit.value('Shape', [like.name]);
    const count = emit.value('Size', [like.name]);
    const index = emit.value('Reshape', [emit.value('Range', [integer(0), count, integer(1)]), shape]);
    const key = hash(emit.value('Add', [hash(seed.name), integer(stream)]));
    const drawn = hash(emit.value('Add', [hash(index), key]));
    const keep = emit.value('GreaterOrEqual', [drawn, integer(Math.round(rate * cubePrime))]);
    const scale = emit.scalar(1 / (1 - rate), like.dtype);
    emit.node('Where', [keep, scale, emit.scalar(0, like.dtype)], names(node.outputs));
  },
};
