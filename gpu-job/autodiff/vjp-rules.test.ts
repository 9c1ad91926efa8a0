import { describe, expect, test } from 'vitest';
import { checkGradients, gradientCheck, type GradientCheck, type GradientInput } from './check-gradients.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { float16ToFloat32 } from '../../shared/formats/half.ts';
import { dynamicValues, packNf4 } from '../../shared/formats/nf4.ts';
import { packBlocks } from '../../shared/formats/pack-blocks.ts';
import type { Packing } from '../../shared/formats/packing.ts';
import { vjpRules, type Differentiable, type VjpRule, type VjpRules } from './vjp-rules.ts';

/** The issue of tolerance: central differences in float64 are good to about 1e-9; a wrong rule is wrong by far more. */
const relativeErrorMax = 1e-6;

const value = (dims: readonly number[], shift = 0): GradientInput['value'] => ({
  data: Float64Array.from(
    { length: dims.reduce((a, b) => a * b, 1) },
    (_, i) => Math.sin(2.3 * i + shift) + 0.1 * Math.cos(0.7 * i * i),
  ),
  dims,
});
const trained = (dims: readonly number[], shift = 0, symbolic: GradientInput['dims'] = dims): GradientInput => ({
  dims: symbolic,
  value: value(dims, shift),
  trained: true,
});
const fixed = (dims: readonly number[], shift = 0): GradientInput => ({ ...trained(dims, shift), trained: false });
const integers = (values: readonly number[], dims: readonly number[] = [values.length]): GradientInput => ({
  dims,
  value: { data: BigInt64Array.from(values, BigInt), dims },
  trained: false,
});
const booleans = (values: readonly number[]): GradientInput => ({
  dims: [values.length],
  value: { data: Uint8Array.from(values), dims: [values.length] },
  trained: false,
});

/** At least one case for each rule: broadcasting, transposition and symbolic dimensions where the rule depends on them. */
const cases: { readonly [P in Differentiable]: Readonly<Record<string, GradientCheck>> } = {
  Add: {
    'equal shapes': gradientCheck({ a: trained([2, 3]), b: trained([2, 3], 1) }, (g, { a, b }) => g.add(a, b)),
    'broadcast on both sides': gradientCheck({ a: trained([4, 1, 3]), b: trained([2, 1], 1) }, (g, { a, b }) =>
      g.add(a, b),
    ),
    'one tensor twice': gradientCheck({ a: trained([2, 3]) }, (g, { a }) => g.add(a, a)),
  },
  Sub: {
    broadcast: gradientCheck({ a: trained([3]), b: trained([2, 3], 1) }, (g, { a, b }) => g.sub(a, b)),
  },
  Mul: {
    broadcast: gradientCheck({ a: trained([2, 1]), b: trained([3, 2, 4], 1) }, (g, { a, b }) => g.mul(a, b)),
    square: gradientCheck({ a: trained([5]) }, (g, { a }) => g.mul(a, a)),
  },
  Div: {
    broadcast: gradientCheck({ a: trained([2, 1]), b: trained([3, 2, 4], 1) }, (g, { a, b }) =>
      g.div(a, g.add(g.mul(b, b), 0.5)),
    ),
  },
  Where: {
    broadcast: gradientCheck({ c: booleans([1, 0, 1]), a: trained([2, 3]), b: trained([3], 1) }, (g, { c, a, b }) =>
      g.where(c, a, b),
    ),
  },
  Exp: { plain: gradientCheck({ x: trained([2, 3]) }, (g, { x }) => g.exp(x)) },
  Sqrt: { positive: gradientCheck({ x: trained([2, 3]) }, (g, { x }) => g.sqrt(g.add(g.mul(x, x), 0.1))) },
  Sigmoid: { plain: gradientCheck({ x: trained([2, 3]) }, (g, { x }) => g.sigmoid(x)) },
  Silu: { plain: gradientCheck({ x: trained([2, 3]) }, (g, { x }) => g.silu(x)) },
  GeluTanh: { plain: gradientCheck({ x: trained([2, 3]) }, (g, { x }) => g.geluTanh(x)) },
  Cast: {
    'through its own type': gradientCheck({ x: trained([4]) }, (g, { x }) =>
      g.mul(g.apply('Cast', [x], { to: 'float64' }), x),
    ),
  },
  MatMul: Object.fromEntries(
    [false, true].flatMap((transA) =>
      [false, true].map((transB) => [
        `transA ${transA}, transB ${transB}`,
        gradientCheck(
          { a: trained(transA ? [3, 2] : [2, 3]), b: trained(transB ? [4, 3] : [3, 4], 1) },
          (g, { a, b }) => g.matmul(a, b, { transA, transB, alpha: 0.7 }),
        ),
      ]),
    ),
  ),
  RowProduct: {
    'of a symbolic number of rows': gradientCheck(
      { a: trained([3, 4], 0, ['N', 4]), b: trained([3, 4], 1, ['N', 4]) },
      (g, { a, b }) => g.rowProduct(a, b),
    ),
  },
  PackedMatMul: {
    'NF4 with packed scales': packedCheck(packNf4Parts, [3, 64], true),
    'NF4 the other way': packedCheck(packNf4Parts, [3, 64], false),
    'blocks with zeros': packedCheck(packBlockParts, [3, 64], true),
    'blocks the other way': packedCheck(packBlockParts, [3, 64], false),
  },
  ReduceSum: {
    'two axes': gradientCheck({ x: trained([2, 3, 4], 0, ['B', 3, 'T']) }, (g, { x }) => g.reduceSum(x, [0, 2])),
  },
  SumSquares: {
    'of a symbolic number of rows': gradientCheck({ x: trained([3, 4], 0, ['N', 4]) }, (g, { x }) => g.sumSquares(x)),
  },
  LogSumExp: {
    plain: gradientCheck({ x: trained([3, 5]) }, (g, { x }) => g.apply('LogSumExp', [x], {})),
  },
  RmsNorm: {
    'input and weight': gradientCheck({ x: trained([2, 3, 4], 0, ['B', 'T', 4]), w: trained([4], 1) }, (g, { x, w }) =>
      g.apply('RmsNorm', [x, w], { epsilon: 1e-3 }),
    ),
  },
  Attention: {
    'masked, more keys than queries': gradientCheck(
      {
        q: trained([2, 2, 3, 4]),
        k: trained([2, 2, 5, 4], 1),
        v: trained([2, 2, 5, 4], 2),
        m: fixed([2, 1, 3, 5]),
      },
      (g, { q, k, v, m }) => g.apply('Attention', [q, k, v, m], { scale: 0.5 }),
    ),
    'keys shared by groups of queries, symbolic lengths': gradientCheck(
      {
        q: trained([1, 2, 3, 2, 4], 0, ['B', 2, 3, 'T', 4]),
        k: trained([1, 2, 1, 3, 4], 1, ['B', 2, 1, 'S', 4]),
        v: trained([1, 2, 1, 3, 4], 2, ['B', 2, 1, 'S', 4]),
        m: { ...fixed([1, 1, 1, 2, 3]), dims: ['B', 1, 1, 'T', 'S'] },
      },
      (g, { q, k, v, m }) => g.apply('Attention', [q, k, v, m], { scale: 0.5 }),
    ),
  },
  BlockwiseAttention: Object.fromEntries(
    [
      { block: 3, window: undefined },
      { block: 2, window: 3 },
      { block: 16, window: undefined },
    ].map((shape) => [
      `packed texts and padding, keys shared by groups of queries, blocks of ${shape.block}, window ${shape.window}`,
      gradientCheck(
        {
          q: trained([2, 2, 3, 7, 2], 0, ['B', 2, 3, 'T', 2]),
          k: trained([2, 2, 1, 7, 2], 1, ['B', 2, 1, 'T', 2]),
          v: trained([2, 2, 1, 7, 2], 2, ['B', 2, 1, 'T', 2]),
          p: { ...integers([0, 1, 2, 0, 1, 2, 0, 0, 1, 2, 3, 4, 5, 6], [2, 7]), dims: ['B', 'T'] },
          s: { ...integers([1, 1, 1, 2, 2, 2, 0, 1, 1, 1, 1, 1, 1, 1], [2, 7]), dims: ['B', 'T'] },
        },
        (g, { q, k, v, p, s }) => g.apply('BlockwiseAttention', [q, k, v, p, s], { scale: 0.5, ...shape }),
      ),
    ]),
  ),
  Rope: Object.fromEntries(
    [false, true].map((inverse) => [
      `inverse ${inverse}`,
      gradientCheck(
        {
          x: trained([2, 2, 3, 4], 0, ['B', 2, 'T', 4]),
          p: { ...integers([0, 1, 2, 4, 0, 3], [2, 3]), dims: ['B', 'T'] },
          c: fixed([6, 2]),
          s: fixed([6, 2], 1),
        },
        (g, { x, p, c, s }) => g.apply('Rope', [x, p, c, s], { inverse }),
      ),
    ]),
  ),
  After: {
    'two others': gradientCheck({ x: trained([2, 3]), a: trained([2, 4], 1), b: trained([3], 2) }, (g, { x, a, b }) =>
      g.add(g.after(x, [a, b]), g.add(g.reduceSum(a, [0, 1]), b)),
    ),
  },
  Reshape: {
    'two symbols': gradientCheck(
      { x: trained([6, 4], 0, ['B*T', 4]), p: { ...integers([0, 0, 0, 0, 0, 0], [2, 3]), dims: ['B', 'T'] } },
      (g, { x }) => g.mul(g.reshape(x, ['B', 'T', 2, 2]), g.constant([1, 2, 3, 4], [2, 2])),
    ),
  },
  Transpose: {
    'a cycle of three axes': gradientCheck({ x: trained([2, 3, 4]) }, (g, { x }) => g.transpose(x, [2, 0, 1])),
  },
  Expand: {
    'new and stretched axes': gradientCheck({ x: trained([3, 1], 0, ['T', 1]) }, (g, { x }) =>
      g.expand(x, [2, 'T', 4]),
    ),
  },
  Concat: {
    'three parts': gradientCheck(
      { a: trained([2, 3], 0, ['N', 3]), b: trained([2, 1], 1, ['N', 1]), c: trained([2, 2], 2, ['N', 2]) },
      (g, { a, b, c }) => g.mul(g.concat([a, b, c], 1, 6), g.constant([1, 2, 3, 4, 5, 6], [6])),
    ),
  },
  Split: {
    'one piece unused': gradientCheck({ x: trained([2, 6], 0, ['N', 6]) }, (g, { x }) => {
      const [first, , last] = g.split(x, 1, [1, 3, 2]) as [Tensor, Tensor, Tensor];
      return g.mul(first, last);
    }),
  },
  Gather: {
    'rows taken twice': gradientCheck({ t: trained([5, 3]), i: integers([4, 0, 4, 2]) }, (g, { t, i }) =>
      g.gather(t, i),
    ),
  },
  ScatterAddRows: {
    'rows hit twice': gradientCheck({ i: integers([4, 0, 4, 2]), u: trained([4, 3]) }, (g, { i, u }) =>
      g.apply('ScatterAddRows', [i, u], { rows: 5 }),
    ),
  },
};

type Shape = readonly [number, number];

/** A product with a matrix that is packed by `pack`: the gradients of x are exact, whatever packing did to the matrix. */
function packedCheck(
  pack: (graph: GraphBuilder, values: Float32Array) => { packing: Packing; parts: readonly Tensor[] },
  shape: Shape,
  transposed: boolean,
): GradientCheck {
  const inner = transposed ? shape[1] : shape[0];
  return gradientCheck({ x: trained([2, inner], 0, ['N', inner]) }, (g, { x }) => {
    const { packing, parts } = pack(g, Float32Array.from(value(shape, 1).data, Number));
    return g.apply('PackedMatMul', [x, ...parts], { packing, shape, transposed });
  });
}

function packNf4Parts(g: GraphBuilder, values: Float32Array) {
  const { packing, codes, scales, nestedScales } = packNf4(values);
  const floats = (data: Float32Array): Tensor => g.cast(g.constant([...data], [data.length]), 'float32');
  const parts = [g.bytes('uint16', codes), g.bytes('uint8', scales), floats(nestedScales), floats(dynamicValues)];
  return { packing, parts };
}

function packBlockParts(g: GraphBuilder, values: Float32Array) {
  const { packing, codes, scales, zeros } = packBlocks(values, 32);
  const steps = g.cast(g.constant([...float16ToFloat32(scales)], [scales.length]), 'float32');
  return { packing, parts: [g.bytes('uint8', codes), steps, g.bytes('uint8', zeros)] };
}

describe('every gradient rule agrees with central differences', () => {
  for (const [primitive, checks] of Object.entries(cases))
    for (const [name, check] of Object.entries(checks))
      test(`${primitive}: ${name}`, async () => {
        expect(await checkGradients(check)).toBeLessThanOrEqual(relativeErrorMax);
      });
});

test('no gradient flows through a value that is held', async () => {
  const x = (hold: (g: GraphBuilder, x: Tensor) => Tensor): GradientCheck =>
    gradientCheck({ x: trained([3]), y: fixed([3], 1) }, (g, { x, y }) => g.mul(g.mul(x, y), hold(g, x)));
  expect(await checkGradients(x((_, t) => t))).toBeLessThanOrEqual(relativeErrorMax);
  expect(await checkGradients(x((g, t) => g.detach(t)))).toBeGreaterThan(0.1);
});

describe('a wrong rule is caught', () => {
  for (const primitive of Object.keys(cases) as Differentiable[])
    test(`${primitive} with its sign flipped`, async () => {
      const check = Object.values(cases[primitive])[0] as GradientCheck; // each primitive has a case
      expect(await checkGradients(check, flipSign(primitive))).toBeGreaterThan(1e-3);
    });
});

function flipSign(primitive: Differentiable): VjpRules {
  const rule = vjpRules[primitive] as VjpRule<Differentiable>; // the type says that it has one
  const flipped: VjpRule<Differentiable> = (graph, context) =>
    rule(graph, context).map((gradient) => gradient && graph.mul(gradient, -1));
  return { ...vjpRules, [primitive]: flipped };
}
