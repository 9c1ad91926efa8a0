import { DomainError, invariant } from '../../shared/errors.ts';
import type { Packing } from '../../shared/formats/packing.ts';
import { divideDim, productOfDims, sameDims, timesDim, type Dim, type Dims } from './dims.ts';
import type { Attributes, Primitive } from './ops.ts';
import type { DType } from './dtype.ts';
import { describe, type Tensor } from './tensor.ts';

export interface TensorType {
  readonly dtype: DType;
  readonly dims: Dims;
}

type ShapeRule<P extends Primitive> = (inputs: readonly Tensor[], attrs: Attributes[P]) => readonly TensorType[];

/** Output types of a primitive. Throws `DomainError('graph-shape')` naming the scope and every input when they do not fit. */
export function inferShapes<P extends Primitive>(
  op: P,
  inputs: readonly Tensor[],
  attrs: Attributes[P],
  scope: string,
): readonly TensorType[] {
  try {
    return shapeRules[op](inputs, attrs);
  } catch (error) {
    if (!(error instanceof ShapeMismatch)) throw error;
    const operands = inputs.map(describe).join(', ');
    throw new DomainError('graph-shape', `${op} in ${scope || 'the graph'}: ${error.message} (inputs: ${operands}).`);
  }
}

/** The dimensions two shapes broadcast to, by the usual right-aligned rule. */
export function broadcastDims(a: Dims, b: Dims): Dims {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    require(x === y || x === 1 || y === 1, `${x} and ${y} do not broadcast`);
    return x === 1 ? y : x;
  });
}

class ShapeMismatch extends Error {}

function require(condition: boolean, message: string): void {
  if (!condition) throw new ShapeMismatch(message);
}

function input(inputs: readonly Tensor[], i: number): Tensor {
  const tensor = inputs[i];
  invariant(tensor, `a primitive needs an input ${i}`);
  return tensor;
}

function floating(tensor: Tensor): void {
  require(tensor.dtype === 'float32' || tensor.dtype === 'float64', `${tensor.name} must be float32 or float64`);
}

function sameType(a: Tensor, b: Tensor): void {
  require(a.dtype === b.dtype, `element types ${a.dtype} and ${b.dtype} differ`);
}

type AnyRule = (inputs: readonly Tensor[]) => readonly TensorType[];

const elementwise: AnyRule = (inputs) => {
  const [a, b] = [input(inputs, 0), input(inputs, 1)];
  sameType(a, b);
  return [{ dtype: a.dtype, dims: broadcastDims(a.dims, b.dims) }];
};

const unary: AnyRule = (inputs) => {
  const x = input(inputs, 0);
  floating(x);
  return [{ dtype: x.dtype, dims: x.dims }];
};

const comparison: AnyRule = (inputs) => [{ dtype: 'bool', dims: elementwise(inputs)[0]?.dims ?? [] }];

const axisOf = (axis: number, dims: Dims): number => {
  require(axis >= 0 && axis < dims.length, `axis ${axis} is outside rank ${dims.length}`);
  return axis;
};

const shapeRules: { readonly [P in Primitive]: ShapeRule<P> } = {
  Add: elementwise,
  Sub: elementwise,
  Mul: elementwise,
  Div: elementwise,
  Where(inputs) {
    const [condition, a, b] = [input(inputs, 0), input(inputs, 1), input(inputs, 2)];
    require(condition.dtype === 'bool', 'the condition must be bool');
    sameType(a, b);
    return [{ dtype: a.dtype, dims: broadcastDims(condition.dims, broadcastDims(a.dims, b.dims)) }];
  },
  Exp: unary,
  Sqrt: unary,
  Sigmoid: unary,
  Silu: unary,
  GeluTanh: unary,
  Cast: (inputs, { to }) => [{ dtype: to, dims: input(inputs, 0).dims }],

  MatMul(inputs, { transA, transB }) {
    const [a, b] = [input(inputs, 0), input(inputs, 1)];
    floating(a);
    sameType(a, b);
    require(a.dims.length >= 2 && b.dims.length >= 2, 'both operands need at least two dimensions');
    const [m, k] = lastTwo(a.dims, transA);
    const [k2, n] = lastTwo(b.dims, transB);
    require(k === k2, `inner dimensions ${k} and ${k2} differ`);
    return [{ dtype: a.dtype, dims: [...broadcastDims(a.dims.slice(0, -2), b.dims.slice(0, -2)), m, n] }];
  },
  RowProduct(inputs) {
    const [a, b] = [input(inputs, 0), input(inputs, 1)];
    floating(a);
    sameType(a, b);
    require(sameDims(a.dims, b.dims), 'both operands must have one shape');
    return [{ dtype: a.dtype, dims: [...a.dims.slice(0, -1), 1] }];
  },
  PackedMatMul(inputs, { packing, shape, transposed }) {
    const [x, codes, scales] = [input(inputs, 0), input(inputs, 1), input(inputs, 2)];
    floating(x);
    require(x.dims.length === 2, 'x must be [N, K]');
    const [columns, inner] = transposed ? shape : [shape[1], shape[0]];
    require(x.dims[1] === inner, `the inner dimensions ${x.dims[1]} and ${inner} differ`);
    packedParts(codes, scales, packing, shape);
    return [{ dtype: x.dtype, dims: [x.dims[0] as Dim, columns] }];
  },
  Unpack(inputs, { packing, shape, to }) {
    packedParts(input(inputs, 0), input(inputs, 1), packing, shape);
    return [{ dtype: to, dims: [...shape] }];
  },
  ReduceSum(inputs, { axes }) {
    const x = input(inputs, 0);
    for (const axis of axes) axisOf(axis, x.dims);
    return [{ dtype: x.dtype, dims: x.dims.map((dim, i) => (axes.includes(i) ? 1 : dim)) }];
  },
  SumSquares(inputs) {
    const x = input(inputs, 0);
    floating(x);
    return [{ dtype: x.dtype, dims: [...x.dims.slice(0, -1), 1] }];
  },
  LogSumExp(inputs) {
    const x = input(inputs, 0);
    floating(x);
    return [
      { dtype: x.dtype, dims: [...x.dims.slice(0, -1), 1] },
      { dtype: x.dtype, dims: x.dims },
    ];
  },
  ArgMax: (inputs) => [{ dtype: 'int64', dims: input(inputs, 0).dims.slice(0, -1) }],

  RmsNorm(inputs) {
    const [x, weight] = [input(inputs, 0), input(inputs, 1)];
    floating(x);
    sameType(x, weight);
    require(sameDims(weight.dims, x.dims.slice(-1)), 'the weight must have the last dimension of x');
    return [
      { dtype: x.dtype, dims: x.dims },
      { dtype: x.dtype, dims: [...x.dims.slice(0, -1), 1] },
    ];
  },
  Attention(inputs) {
    const [q, k, v, mask] = [input(inputs, 0), input(inputs, 1), input(inputs, 2), input(inputs, 3)];
    for (const other of [k, v, mask]) sameType(q, other);
    require(q.dims.length >= 2 &&
      k.dims.length === q.dims.length, 'q and k need the same number of dimensions, two or more');
    const [leading, [queries, size]] = [q.dims.slice(0, -2), lastTwo(q.dims, false)];
    const [keys, keySize] = lastTwo(k.dims, false);
    require(keySize === size, 'k must be [..., S, D] with the D of q');
    const broadcasts = k.dims.slice(0, -2).every((dim, i) => dim === 1 || dim === leading[i]);
    require(broadcasts, 'k must broadcast to the leading dimensions of q');
    require(sameDims(v.dims, k.dims), 'v must have the shape of k');
    const scores = [...leading, queries, keys];
    require(sameDims(broadcastDims(mask.dims, scores), scores), 'the mask must broadcast to [..., Q, S]');
    return [
      { dtype: q.dtype, dims: q.dims },
      { dtype: q.dtype, dims: scores },
    ];
  },
  BlockwiseAttention: (inputs, { block }) => [blockwiseOperands(inputs, block).q],
  BlockwiseAttentionGradient(inputs, { block }) {
    const { q, k, v } = blockwiseOperands(inputs, block);
    for (const other of [input(inputs, 5), input(inputs, 6)])
      require(other.dtype === q.dtype &&
        sameDims(other.dims, q.dims), 'the output and its gradient must have the type and shape of q');
    return [q, k, v];
  },
  Rope(inputs) {
    const [x, positions, cos, sin] = [input(inputs, 0), input(inputs, 1), input(inputs, 2), input(inputs, 3)];
    require(x.dims.length === 4, 'x must be [B, H, T, D]');
    require(positions.dtype === 'int64', 'positions must be int64');
    require(sameDims(positions.dims, [x.dims[0] as Dim, x.dims[2] as Dim]), 'positions must be [B, T]');
    const half = divideDim(x.dims[3] as Dim, 2);
    require(cos.dims.length === 2 && cos.dims[1] === half, 'cos must be [M, D/2]');
    require(sameDims(cos.dims, sin.dims), 'sin must have the shape of cos');
    for (const table of [cos, sin]) sameType(x, table);
    return [{ dtype: x.dtype, dims: x.dims }];
  },

  Detach: unary,

  After(inputs) {
    const x = input(inputs, 0);
    require(inputs.length > 1, 'there must be something to wait for');
    return [{ dtype: x.dtype, dims: x.dims }];
  },

  Reshape(inputs, { dims }) {
    const x = input(inputs, 0);
    const [from, to] = [productOfDims(x.dims), productOfDims(dims)];
    require(from === to, `${from} elements do not fill [${dims.join(', ')}]`);
    return [{ dtype: x.dtype, dims }];
  },
  Transpose(inputs, { perm }) {
    const x = input(inputs, 0);
    const order = perm.toSorted((a, b) => a - b);
    require(sameDims(
      order,
      x.dims.map((_, i) => i),
    ), `[${perm.join(', ')}] does not permute rank ${x.dims.length}`);
    return [{ dtype: x.dtype, dims: perm.map((axis) => x.dims[axis] as Dim) }];
  },
  Expand(inputs, { dims }) {
    const x = input(inputs, 0);
    require(sameDims(broadcastDims(x.dims, dims), dims), `it does not broadcast to [${dims.join(', ')}]`);
    return [{ dtype: x.dtype, dims }];
  },
  Concat(inputs, { axis, dim }) {
    const first = input(inputs, 0);
    axisOf(axis, first.dims);
    for (const other of inputs) {
      sameType(first, other);
      const fits =
        first.dims.every((d, i) => i === axis || d === other.dims[i]) && first.dims.length === other.dims.length;
      require(fits, `all dimensions but ${axis} must agree`);
    }
    const parts = inputs.map((x) => x.dims[axis] as Dim);
    if (parts.every((part) => typeof part === 'number'))
      require(parts.reduce((sum, part) => sum + part, 0) ===
        dim, `the parts along axis ${axis} do not add up to ${dim}`);
    return [{ dtype: first.dtype, dims: first.dims.with(axis, dim) }];
  },
  Split(inputs, { axis, sizes }) {
    const x = input(inputs, 0);
    axisOf(axis, x.dims);
    const total = sizes.every((size) => typeof size === 'number')
      ? sizes.reduce((sum, size) => sum + size, 0)
      : timesDim(sizes.length, sizes[0] as Dim); // there is a symbolic one
    require(total === x.dims[axis], `the pieces of axis ${axis} add up to ${total}`);
    require(sizes.every((size) => typeof size === 'number' || size === sizes[0]), 'symbolic pieces must be equal');
    return sizes.map((size) => ({ dtype: x.dtype, dims: x.dims.with(axis, size) }));
  },
  Gather(inputs) {
    const [table, indices] = [input(inputs, 0), input(inputs, 1)];
    require(table.dims.length === 2 && indices.dims.length === 1, 'the table must be [V, H] and the indices [N]');
    require(indices.dtype === 'int64', 'the indices must be int64');
    return [{ dtype: table.dtype, dims: [indices.dims[0] as Dim, table.dims[1] as Dim] }];
  },
  ScatterAddRows(inputs, { rows }) {
    const [indices, updates] = [input(inputs, 0), input(inputs, 1)];
    require(indices.dtype === 'int64', 'the indices must be int64');
    require(updates.dims.length === 2 && indices.dims.length === 1, 'the indices must be [N] and the updates [N, H]');
    require(indices.dims[0] === updates.dims[0], 'there must be one index for each update');
    return [{ dtype: updates.dtype, dims: [rows, updates.dims[1] as Dim] }];
  },

  Equal: comparison,
  GreaterOrEqual: comparison,
  Less: comparison,
  And: comparison,
  Not(inputs) {
    const x = input(inputs, 0);
    require(x.dtype === 'bool', 'the operand must be bool');
    return [{ dtype: 'bool', dims: x.dims }];
  },
  DropoutMask(inputs, { rate }) {
    const [like, seed] = [input(inputs, 0), input(inputs, 1)];
    floating(like);
    require(seed.dtype === 'int64' && seed.dims.length === 0, 'the seed must be an int64 scalar');
    require(rate > 0 && rate < 1, `the rate ${rate} must lie between 0 and 1`);
    return [{ dtype: like.dtype, dims: like.dims }];
  },
};

function blockwiseOperands(inputs: readonly Tensor[], block: number): Record<'q' | 'k' | 'v', TensorType> {
  const [q, k, v] = [input(inputs, 0), input(inputs, 1), input(inputs, 2)];
  floating(q);
  require(q.dims.length === 5, 'q must be [B, K, G, T, D]');
  require(Number.isInteger(block) && block > 0, `the block ${block} must be a number of queries`);
  for (const other of [k, v]) {
    sameType(q, other);
    require(sameDims(other.dims, q.dims.with(2, 1)), 'k and v must be [B, K, 1, T, D]');
  }
  for (const places of [input(inputs, 3), input(inputs, 4)]) {
    require(places.dtype === 'int64', 'positions and segments must be int64');
    require(sameDims(places.dims, [q.dims[0] as Dim, q.dims[3] as Dim]), 'positions and segments must be [B, T]');
  }
  const type = ({ dtype, dims }: Tensor): TensorType => ({ dtype, dims });
  return { q: type(q), k: type(k), v: type(v) };
}

function packedParts(codes: Tensor, scales: Tensor, packing: Packing, shape: readonly [number, number]): void {
  const values = shape[0] * shape[1];
  const perCode = packing.kind === 'nf4' ? 4 : packing.bits === 4 ? 2 : 1;
  require(productOfDims(codes.dims) === values / perCode, `the codes are not those of ${values} values`);
  require(productOfDims(scales.dims) === values / packing.blockSize, 'there must be one scale for each block');
}

function lastTwo(dims: Dims, transposed: boolean): [Dim, Dim] {
  const [rows, columns] = dims.slice(-2) as [Dim, Dim]; // callers require rank >= 2
  return transposed ? [columns, rows] : [rows, columns];
}
