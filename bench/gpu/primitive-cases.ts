import type { GraphBuilder } from '../../gpu-job/graph/builder.ts';
import type { Primitive } from '../../gpu-job/graph/ops.ts';
import type { DType } from '../../gpu-job/graph/dtype.ts';
import type { Tensor } from '../../gpu-job/graph/tensor.ts';
import type { TensorValue } from '../../gpu-job/runtime/session.ts';
import { float16ToFloat32 } from '../../shared/formats/half.ts';
import { packBlocks } from '../../shared/formats/pack-blocks.ts';
import type { Packing } from '../../shared/formats/packing.ts';

/** One use of a primitive: what goes in, and what is computed of it. */
export interface PrimitiveCase {
  readonly inputs: Readonly<Record<string, TensorValue>>;
  readonly build: (graph: GraphBuilder, inputs: Readonly<Record<string, Tensor>>) => Tensor;
}

/** A case for each primitive there is: one that has none does not compile. */
export const primitiveCases: { readonly [P in Primitive]: PrimitiveCase } = {
  Add: pair((g, a, b) => g.add(a, b)),
  Sub: pair((g, a, b) => g.sub(a, b)),
  Mul: pair((g, a, b) => g.mul(a, b)),
  Div: pair((g, a, b) => g.div(a, g.add(g.mul(b, b), 0.5))),
  Where: pair((g, a, b) => g.where(g.apply('Equal', [g.cast(a, 'int64'), g.cast(b, 'int64')], {}), a, b)),
  Exp: single((g, x) => g.exp(x)),
  Sqrt: single((g, x) => g.sqrt(g.add(g.mul(x, x), 0.1))),
  Sigmoid: single((g, x) => g.sigmoid(x)),
  Silu: single((g, x) => g.silu(x)),
  GeluTanh: single((g, x) => g.geluTanh(x)),
  Cast: single((g, x) => g.cast(g.cast(x, 'int64'), 'float32')),
  MatMul: on({ a: floats([3, 33, 64]), b: floats([48, 64], 1) }, (g, { a, b }) =>
    g.matmul(a as Tensor, b as Tensor, { transB: true, alpha: 0.7 }),
  ),
  RowProduct: pair((g, a, b) => g.apply('RowProduct', [a, b], {})),
  PackedMatMul: on({ x: floats([5, 64]) }, (g, { x }) => {
    const { parts, packing } = packed(g);
    return g.apply('PackedMatMul', [x as Tensor, ...parts], { packing, shape: packedShape, transposed: true });
  }),
  Unpack: on({ x: floats([1, 64]) }, (g, { x }) => {
    const { parts, packing } = packed(g);
    return g.add(g.apply('Unpack', parts, { packing, shape: packedShape, to: 'float32' }), x as Tensor);
  }),
  ReduceSum: single((g, x) => g.reduceSum(x, [0])),
  SumSquares: single((g, x) => g.sumSquares(x)),
  LogSumExp: single((g, x) => g.apply('LogSumExp', [x], {})),
  ArgMax: single((g, x) => g.apply('ArgMax', [x], {})),
  RmsNorm: on({ x: floats([4, 9, 32]), w: floats([32], 1) }, (g, { x, w }) =>
    g.apply('RmsNorm', [x as Tensor, w as Tensor], { epsilon: 1e-5 }),
  ),
  Attention: on(
    {
      q: floats([2, 4, 9, 16]),
      k: floats([2, 4, 11, 16], 1),
      v: floats([2, 4, 11, 16], 2),
      m: floats([2, 1, 9, 11], 3),
    },
    (g, { q, k, v, m }) => g.apply('Attention', [q, k, v, m] as Tensor[], { scale: 0.25 }),
  ),
  BlockwiseAttention: on(blockwise(), (g, { q, k, v, p, s }) =>
    g.apply('BlockwiseAttention', [q, k, v, p, s] as Tensor[], blocks),
  ),
  BlockwiseAttentionGradient: on(blockwise(), (g, { q, k, v, p, s }) => {
    const forward = g.apply('BlockwiseAttention', [q, k, v, p, s] as Tensor[], blocks);
    const inputs = [q, k, v, p, s, forward, forward] as Tensor[];
    return g.apply('BlockwiseAttentionGradient', inputs, blocks);
  }),
  Rope: on(
    {
      x: floats([2, 3, 5, 8]),
      p: integers([0, 1, 2, 3, 4, 0, 1, 0, 1, 2], [2, 5]),
      c: floats([8, 4], 1),
      s: floats([8, 4], 2),
    },
    (g, { x, p, c, s }) => g.apply('Rope', [x, p, c, s] as Tensor[], { inverse: false }),
  ),
  Detach: single((g, x) => g.detach(x)),
  After: pair((g, a, b) => g.add(g.after(a, [b]), b)),
  Reshape: single((g, x) => g.reshape(x, [3, 2, 16])),
  Transpose: single((g, x) => g.transpose(x, [1, 0])),
  Expand: single((g, x) => g.expand(x, [2, 6, 16])),
  Concat: pair((g, a, b) => g.concat([a, b], 1, 32)),
  Split: single((g, x) => {
    const [first, , last] = g.split(x, 1, [4, 8, 4]) as [Tensor, Tensor, Tensor];
    return g.mul(first, last);
  }),
  Gather: on({ t: floats([7, 5]), i: integers([6, 0, 6, 2]) }, (g, { t, i }) => g.gather(t as Tensor, i as Tensor)),
  ScatterAddRows: on({ i: integers([4, 0, 4, 2]), u: floats([4, 5]) }, (g, { i, u }) =>
    g.apply('ScatterAddRows', [i, u] as Tensor[], { rows: 6 }),
  ),
  Equal: compared((g, a, b) => g.apply('Equal', [a, b], {})),
  GreaterOrEqual: compared((g, a, b) => g.apply('GreaterOrEqual', [a, b], {})),
  Less: compared((g, a, b) => g.apply('Less', [a, b], {})),
  And: compared((g, a, b) => g.apply('And', [g.apply('Less', [a, b], {}), g.apply('Equal', [a, a], {})], {})),
  Not: compared((g, a, b) => g.apply('Not', [g.apply('Less', [a, b], {})], {})),
  DropoutMask: on({ x: floats([64, 32]), seed: integers([7], []) }, (g, { x, seed }) =>
    g.apply('DropoutMask', [x, seed] as Tensor[], { rate: 0.2, stream: 3 }),
  ),
};

export const dtypeOf = ({ data }: TensorValue): DType =>
  data instanceof BigInt64Array ? 'int64' : data instanceof Uint8Array ? 'bool' : 'float32';

function on(inputs: PrimitiveCase['inputs'], build: PrimitiveCase['build']): PrimitiveCase {
  return { inputs, build };
}

function single(build: (graph: GraphBuilder, x: Tensor) => Tensor): PrimitiveCase {
  return on({ x: floats([6, 16]) }, (g, { x }) => build(g, x as Tensor)); // it was given
}

function pair(build: (graph: GraphBuilder, a: Tensor, b: Tensor) => Tensor): PrimitiveCase {
  return on({ a: floats([6, 16]), b: floats([6, 16], 1) }, (g, { a, b }) => build(g, a as Tensor, b as Tensor));
}

function compared(build: (graph: GraphBuilder, a: Tensor, b: Tensor) => Tensor): PrimitiveCase {
  const inputs = { a: integers([1, 2, 3, 4, 5, 6]), b: integers([6, 5, 3, 4, 2, 1]) };
  return on(inputs, (g, { a, b }) => build(g, a as Tensor, b as Tensor));
}

function floats(dims: readonly number[], shift = 0): TensorValue {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return {
    data: Float32Array.from({ length: count }, (_, i) => Math.sin(2.3 * i + shift) + 0.1 * Math.cos(0.7 * i * i)),
    dims,
  };
}

function integers(values: readonly number[], dims: readonly number[] = [values.length]): TensorValue {
  return { data: BigInt64Array.from(values, BigInt), dims };
}

const blocks = { scale: 0.25, block: 8, window: undefined } as const;

function blockwise(): PrimitiveCase['inputs'] {
  const places = (of: (i: number) => number): TensorValue =>
    integers(
      Array.from({ length: 24 }, (_, i) => of(i)),
      [1, 24],
    );
  return {
    q: floats([1, 2, 3, 24, 16]),
    k: floats([1, 2, 1, 24, 16], 1),
    v: floats([1, 2, 1, 24, 16], 2),
    p: places((i) => i % 12),
    s: places((i) => 1 + Math.floor(i / 12)),
  };
}

const packedShape = [12, 64] as const;

/** A matrix in blocks of four bits with scales and zeros. */
function packed(graph: GraphBuilder): { readonly packing: Packing; readonly parts: readonly Tensor[] } {
  const { packing, codes, scales, zeros } = packBlocks(floats([...packedShape], 1).data as Float32Array, 32);
  const steps = graph.constant([...float16ToFloat32(scales)], [scales.length]);
  return { packing, parts: [graph.bytes('uint8', codes), steps, graph.bytes('uint8', zeros)] };
}
