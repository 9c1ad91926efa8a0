import { invariant } from '../../shared/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import { timesDim, type Dim, type Dims } from '../graph/dims.ts';
import { geluTanh, type Primitive } from '../graph/ops.ts';
import type { GraphNode, Tensor } from '../graph/tensor.ts';

/** What a rule is given: the node, the gradient of each output (undefined: none arrives), and which inputs need one. */
export interface VjpContext<P extends Primitive> {
  readonly node: GraphNode<P>;
  readonly outputGradients: readonly (Tensor | undefined)[];
  readonly needs: readonly boolean[];
}

/** Returns the gradient of each input, in order; undefined where none is needed or none flows. */
export type VjpRule<P extends Primitive> = (
  graph: GraphBuilder,
  context: VjpContext<P>,
) => readonly (Tensor | undefined)[];

/** Marks a primitive whose result does not move when its inputs do by a little: its derivative is zero, so nothing is propagated. */
export const piecewiseConstant = 'piecewise constant';

/** Marks a primitive that has a derivative which nobody has needed: no gradient may arrive there. */
export const notDifferentiable = 'not differentiable';

export type VjpRules = {
  readonly [P in Primitive]: VjpRule<P> | typeof piecewiseConstant | typeof notDifferentiable;
};

/** Vector-Jacobian products. Notation: g is the gradient of the loss by the (first) output. */
export const vjpRules = {
  // y = a + b:  da = g, db = g
  Add: (graph, { node, outputGradients, needs }) => {
    const [g, [a, b]] = [gradient(outputGradients), pair(node)];
    return [needs[0] ? sumTo(graph, g, a.dims) : undefined, needs[1] ? sumTo(graph, g, b.dims) : undefined];
  },

  // y = a - b:  da = g, db = -g
  Sub: (graph, { node, outputGradients, needs }) => {
    const [g, [a, b]] = [gradient(outputGradients), pair(node)];
    return [
      needs[0] ? sumTo(graph, g, a.dims) : undefined,
      needs[1] ? graph.mul(sumTo(graph, g, b.dims), -1) : undefined,
    ];
  },

  // y = a * b:  da = g * b, db = g * a
  Mul: (graph, { node, outputGradients, needs }) => {
    const [g, [a, b]] = [gradient(outputGradients), pair(node)];
    return [
      needs[0] ? sumTo(graph, graph.mul(g, b), a.dims) : undefined,
      needs[1] ? sumTo(graph, graph.mul(g, a), b.dims) : undefined,
    ];
  },

  // y = a / b:  da = g / b, db = -g y / b
  Div: (graph, { node, outputGradients, needs }) => {
    const [g, [a, b]] = [gradient(outputGradients), pair(node)];
    const da = graph.div(g, b);
    return [
      needs[0] ? sumTo(graph, da, a.dims) : undefined,
      needs[1] ? sumTo(graph, graph.mul(graph.mul(da, output(node)), -1), b.dims) : undefined,
    ];
  },

  // y = c ? a : b:  da = c ? g : 0, db = c ? 0 : g
  Where: (graph, { node, outputGradients, needs }) => {
    const g = gradient(outputGradients);
    const [condition, a, b] = node.inputs as [Tensor, Tensor, Tensor];
    return [
      undefined,
      needs[1] ? sumTo(graph, graph.where(condition, g, 0), a.dims) : undefined,
      needs[2] ? sumTo(graph, graph.where(condition, 0, g), b.dims) : undefined,
    ];
  },

  // y = exp(x):  dx = g * y
  Exp: (graph, { node, outputGradients }) => [graph.mul(gradient(outputGradients), output(node))],

  // y = sqrt(x):  dx = g / (2 y)
  Sqrt: (graph, { node, outputGradients }) => [graph.div(gradient(outputGradients), graph.mul(output(node), 2))],

  // y = sigmoid(x):  dx = g * y * (1 - y)
  Sigmoid: (graph, { node, outputGradients }) => {
    const y = output(node);
    return [graph.mul(gradient(outputGradients), graph.mul(y, graph.sub(1, y)))];
  },

  // y = x s with s = sigmoid(x):  dx = g * (s + y (1 - s))
  Silu: (graph, { node, outputGradients }) => {
    const [x] = node.inputs as [Tensor];
    const [y, s] = [output(node), graph.sigmoid(x)];
    return [graph.mul(gradient(outputGradients), graph.add(s, graph.mul(y, graph.sub(1, s))))];
  },

  // y = x s with s = sigmoid(x (c + c a x^2)):  dx = g * (s + y (1 - s) (c + 3 c a x^2))
  GeluTanh: (graph, { node, outputGradients }) => {
    const [x] = node.inputs as [Tensor];
    const { slope, cubic } = geluTanh;
    const square = graph.mul(x, x);
    const steepness = (factor: number): Tensor => graph.add(graph.mul(square, factor * slope * cubic), slope);
    const s = graph.sigmoid(graph.mul(x, steepness(1)));
    const bend = graph.mul(graph.mul(output(node), graph.sub(1, s)), steepness(3));
    return [graph.mul(gradient(outputGradients), graph.add(s, bend))];
  },

  // y = x in another type:  dx = g in the type of x
  Cast: (graph, { node, outputGradients }) => {
    const [x] = node.inputs as [Tensor];
    return [graph.cast(gradient(outputGradients), x.dtype)];
  },

  // y = alpha a b:  da = alpha g b^T, db = alpha a^T g; a transposed operand gets the transposed product
  MatMul: (graph, { node, outputGradients, needs }) => {
    const [g, [a, b]] = [gradient(outputGradients), pair(node)];
    const { transA, transB, alpha } = node.attrs;
    const da = (): Tensor =>
      transA
        ? graph.matmul(b, g, { transA: transB, transB: true, alpha })
        : graph.matmul(g, b, { transB: !transB, alpha });
    const db = (): Tensor =>
      transB
        ? graph.matmul(g, a, { transA: true, transB: transA, alpha })
        : graph.matmul(a, g, { transA: !transA, alpha });
    return [needs[0] ? sumTo(graph, da(), a.dims) : undefined, needs[1] ? sumTo(graph, db(), b.dims) : undefined];
  },

  // y = rowsum(a * b):  da = g * b, db = g * a
  RowProduct: (graph, { node, outputGradients, needs }) => {
    const [g, [a, b]] = [gradient(outputGradients), pair(node)];
    return [needs[0] ? graph.mul(b, g) : undefined, needs[1] ? graph.mul(a, g) : undefined];
  },

  // y = x W^T:  dx = g W, of the same packed bytes; W itself is frozen
  PackedMatMul: (graph, { node, outputGradients }) => {
    const [, ...parts] = node.inputs;
    const attrs = { ...node.attrs, transposed: !node.attrs.transposed };
    return [graph.apply('PackedMatMul', [gradient(outputGradients), ...parts], attrs), ...parts.map(() => undefined)];
  },

  Unpack: piecewiseConstant,

  // y = sum over axes of x:  dx = g broadcast back
  ReduceSum: (graph, { node, outputGradients }) => {
    const [x] = node.inputs as [Tensor];
    return [graph.expand(gradient(outputGradients), x.dims)];
  },

  // y = sum of x^2 over the last axis:  dx = 2 g x
  SumSquares: (graph, { node, outputGradients }) => {
    const [x] = node.inputs as [Tensor];
    return [graph.mul(x, graph.mul(gradient(outputGradients), 2))];
  },

  // y = log sum exp(x), p = softmax(x):  dx = g * p
  LogSumExp: (graph, { node, outputGradients }) => {
    invariant(outputGradients[1] === undefined, 'only the first output of LogSumExp is differentiated');
    return [graph.mul(output(node, 1), gradient(outputGradients))];
  },

  ArgMax: piecewiseConstant,

  // y = x r w with r = (mean(x^2) + eps)^(-1/2), h = g w:  dx = r (h - x r^2 mean(h x)), dw = sum of g x r
  RmsNorm: (graph, { node, outputGradients, needs }) => {
    const [g, [x, weight]] = [gradient(outputGradients), pair(node)];
    const r = output(node, 1);
    invariant(outputGradients[1] === undefined, 'only the first output of RmsNorm is differentiated');
    const dx = (): Tensor => {
      const h = graph.mul(g, weight);
      const correction = graph.mul(graph.meanLast(graph.mul(h, x)), graph.mul(r, r));
      return graph.mul(graph.sub(h, graph.mul(x, correction)), r);
    };
    const dw = (): Tensor => sumTo(graph, graph.mul(g, graph.mul(x, r)), weight.dims);
    return [needs[0] ? dx() : undefined, needs[1] ? dw() : undefined];
  },

  // o = P v, P = softmax(c q k^T + mask):  dv = P^T g, dP = g v^T,
  // dS = P * (dP - rowsum(g * o)), dq = c dS k, dk = c dS^T q          (rowsum(g * o) = rowsum(dP * P), Dao et al. 2022)
  Attention: (graph, { node, outputGradients, needs }) => {
    const g = gradient(outputGradients);
    const [q, k, v] = node.inputs as [Tensor, Tensor, Tensor, Tensor];
    const [o, p] = [output(node), output(node, 1)];
    const { scale } = node.attrs;
    invariant(outputGradients[1] === undefined && !needs[3], 'the probabilities and the mask are not differentiated');
    const dv = needs[2] ? leftTransposed(graph, p, g, v.dims) : undefined;
    if (!needs[0] && !needs[1]) return [undefined, undefined, dv, undefined];
    // dP - rowsum(g * o) as the one product [g, rowsum] [v, -1]^T: a subtraction would be a pass over Q x S numbers
    const rowSum = graph.sumLast(graph.mul(g, o));
    const minusOnes = graph.expand(graph.constant([-1]), [...v.dims.slice(0, -1), 1]);
    const dp = graph.matmul(besideColumn(graph, g, rowSum), besideColumn(graph, v, minusOnes), { transB: true });
    const ds = graph.mul(dp, p); // [..., Q, S]
    return [
      needs[0] ? graph.matmul(ds, k, { alpha: scale }) : undefined,
      needs[1] ? leftTransposed(graph, ds, q, k.dims, scale) : undefined,
      dv,
      undefined,
    ];
  },

  // the same, block by block of the queries: everything that the rule above needs is computed again there
  BlockwiseAttention: (graph, { node, outputGradients }) => {
    const inputs = [...node.inputs, output(node), gradient(outputGradients)];
    return [...graph.applyAll('BlockwiseAttentionGradient', inputs, node.attrs), undefined, undefined];
  },
  BlockwiseAttentionGradient: notDifferentiable,

  // a rotation:  dx = the inverse rotation of g
  Rope: (graph, { node, outputGradients }) => {
    const [, positions, cos, sin] = node.inputs as [Tensor, Tensor, Tensor, Tensor];
    const inverse = !node.attrs.inverse;
    return [graph.apply('Rope', [gradient(outputGradients), positions, cos, sin], { inverse })];
  },

  // y = x:  dx = g
  After: (_, { outputGradients }) => [gradient(outputGradients)],

  Reshape: (graph, { node, outputGradients }) => {
    const [x] = node.inputs as [Tensor];
    return [graph.reshape(gradient(outputGradients), x.dims)];
  },

  // y = x permuted:  dx = g permuted back
  Transpose: (graph, { node, outputGradients }) => {
    const { perm } = node.attrs;
    return [
      graph.transpose(
        gradient(outputGradients),
        perm.map((_, axis) => perm.indexOf(axis)),
      ),
    ];
  },

  // y = x broadcast:  dx = g summed over what was broadcast
  Expand: (graph, { node, outputGradients }) => {
    const [x] = node.inputs as [Tensor];
    return [sumTo(graph, gradient(outputGradients), x.dims)];
  },

  // y = x_1, x_2, ... side by side:  dx_i = the piece of g where x_i stands
  Concat: (graph, { node, outputGradients }) => {
    const { axis } = node.attrs;
    const sizes = node.inputs.map(({ dims }) => dims[axis] as Dim); // the shape rule knows the axis
    return graph.split(gradient(outputGradients), axis, sizes);
  },

  // y_1, y_2, ... = pieces of x:  dx = g_1, g_2, ... side by side, zeros where no gradient arrives
  Split: (graph, { node, outputGradients }) => {
    const { axis } = node.attrs;
    const [x] = node.inputs as [Tensor];
    const zeros = (dims: Dims): Tensor => graph.expand(graph.constant([0]), dims);
    const pieces = node.outputs.map(({ dims }, i) => outputGradients[i] ?? zeros(dims));
    return [graph.concat(pieces, axis, x.dims[axis] as Dim)]; // the shape rule knows the axis
  },

  // y = table[indices]:  dtable = zeros with each row of g added to its place
  Gather: (graph, { node, outputGradients }) => {
    const [table, indices] = pair(node);
    const [rows] = table.dims;
    invariant(typeof rows === 'number', 'a table that is trained has a known number of rows');
    return [graph.apply('ScatterAddRows', [indices, gradient(outputGradients)], { rows }), undefined];
  },

  // y = zeros with updates added to rows:  dupdates = g[indices]
  ScatterAddRows: (graph, { node, outputGradients }) => {
    const [indices] = pair(node);
    return [undefined, graph.gather(gradient(outputGradients), indices)];
  },

  // held by decision, not by nature
  Detach: piecewiseConstant,
  Equal: piecewiseConstant,
  GreaterOrEqual: piecewiseConstant,
  Less: piecewiseConstant,
  And: piecewiseConstant,
  Not: piecewiseConstant,
  DropoutMask: piecewiseConstant,
} satisfies VjpRules;

/** The primitives that have a rule. */
export type Differentiable = {
  [P in Primitive]: (typeof vjpRules)[P] extends string ? never : P;
}[Primitive];

/** Sums a gradient over the dimensions along which its operand was broadcast. */
function sumTo(graph: GraphBuilder, g: Tensor, dims: Dims): Tensor {
  const extra = g.dims.length - dims.length;
  const axes = g.dims.flatMap((dim, i) => (i < extra || (dims[i - extra] === 1 && dim !== 1) ? [i] : []));
  return graph.reshape(flattenedSum(graph, g, axes), dims);
}

/**
 * alpha a^T b, summed to `dims`, for a wide `a` and a narrow `b`: computed as (b^T a)^T with b^T written out, because the runtime
 * repacks a transposed left operand element by element.
 */
function leftTransposed(graph: GraphBuilder, a: Tensor, b: Tensor, dims: Dims, alpha = 1): Tensor {
  const [leading, [rows, columns]] = [dims.slice(0, -2), dims.slice(-2) as [Dim, Dim]]; // matrices by the shape rule
  const product = graph.matmul(swapLastTwo(graph, b), a, { alpha });
  return swapLastTwo(graph, sumTo(graph, product, [...leading, columns, rows]));
}

function swapLastTwo(graph: GraphBuilder, x: Tensor): Tensor {
  const leading = x.dims.length - 2;
  return graph.transpose(x, [...x.dims.slice(0, leading).keys(), leading + 1, leading]);
}

/** x with one more column, [..., W] and [..., 1] -> [..., W + 1]. */
function besideColumn(graph: GraphBuilder, x: Tensor, column: Tensor): Tensor {
  const axis = x.dims.length - 1;
  const width = x.dims[axis];
  invariant(typeof width === 'number', 'a column stands beside an axis of known length');
  return graph.concat([x, column], axis, width + 1);
}

/** Sums over axes; leading ones are first folded into one, which the runtime reduces faster than several. */
function flattenedSum(graph: GraphBuilder, g: Tensor, axes: readonly number[]): Tensor {
  const leading = axes.every((axis, i) => axis === i) ? axes.length : 0;
  if (leading < 2) return graph.reduceSum(g, axes);
  const folded = g.dims.slice(0, leading).reduce<Dim>(timesDim, 1);
  return graph.reduceSum(graph.reshape(g, [folded, ...g.dims.slice(leading)]), [0]);
}

function gradient(outputGradients: readonly (Tensor | undefined)[]): Tensor {
  const [g] = outputGradients;
  invariant(g, 'a rule runs only where a gradient arrives at the first output');
  return g;
}

function output(node: GraphNode, i = 0): Tensor {
  const tensor = node.outputs[i];
  invariant(tensor, `${node.op} has an output ${i}`);
  return tensor;
}

function pair(node: GraphNode): [Tensor, Tensor] {
  return node.inputs.slice(0, 2) as [Tensor, Tensor]; // the shape rules require at least two inputs
}
