import type { FloatType } from './builder.ts';
import type { Dim } from './dims.ts';
import { emitProduct, swapLastTwo, type Matrix } from './emit-product.ts';
import type { Emitter } from './emitter.ts';
import { excludedScore } from './ops.ts';
import type { GraphNode, Tensor } from './tensor.ts';

/** A loop over blocks of queries: the scores of one block are there at a time. */
export function lowerBlockwiseAttention(emit: Emitter, node: GraphNode<'BlockwiseAttention'>, float: FloatType): void {
  const blocks = queryBlocks(emit, node);
  const v = (node.inputs[2] as Tensor).name;
  const { collected } = emit.loop(blocks.count, float, [], (inner, number) => {
    const block = queryBlock(inner, node, blocks, number, float);
    return { carried: [], collected: [emitProduct(inner, matrix(block.p), matrix(block.keysOf(v)), {}, float)] };
  });
  joinBlocks(emit, node, collected[0] as string, node.outputs[0] as Tensor);
}

/**
 * With P = softmax(c q k^T + mask) of each block computed again and g the gradient of the output o: dv += P^T g,
 * dS = P * (g v^T - rowsum(g * o)), dq = c dS k, dk += c dS^T q. The sums over blocks are carried transposed, which spares wide transpositions.
 */
export function lowerBlockwiseAttentionGradient(
  emit: Emitter,
  node: GraphNode<'BlockwiseAttentionGradient'>,
  float: FloatType,
): void {
  const [, k, v, , , o, g] = node.inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const { scale } = node.attrs;
  const blocks = queryBlocks(emit, node);
  const size = k.dims[4] as number; // heads were split off with a known size
  const filled = (value: number, dims: readonly Dim[]): string =>
    emit.value('Expand', [emit.scalar(value, float), emit.shapeVector(dims)]);
  // g v^T - rowsum(g * o) as the one product [g, rowsum] [v, -1]^T, as in the rule of Attention
  const rowSum = emit.value('ReduceSum', [emit.value('Mul', [g.name, o.name]), emit.integers([4])], { keepdims: 1 });
  const wide = (x: Tensor, column: string): string => emit.value('Concat', [x.name, column], { axis: 4 });
  const [gWide, vWide] = [wide(g, rowSum), wide(v, filled(-1, [...v.dims.slice(0, 4), 1]))];
  const sums = [size, size + 1].map((width) => filled(0, [...k.dims.slice(0, 3), width, k.dims[3] as Dim]));

  const { carried, collected } = emit.loop(blocks.count, float, sums, (inner, number, sums) => {
    const block = queryBlock(inner, node, blocks, number, float);
    const gradient = block.queriesOf(gWide);
    const dp = emitProduct(inner, matrix(gradient), matrix(block.keysOf(vWide)), { transB: true }, float);
    const ds = inner.value('Mul', [dp, block.p]);
    /** sum + alpha (rows^T @ over), summed over the queries that share a key head. */
    const added = (sum: string | undefined, rows: string, over: string, alpha: number): string => {
      const left = swapLastTwo(inner, matrix(rows)); // [B, K, G, D, block]
      const product = emitProduct(inner, matrix(left), matrix(over), { alpha }, float);
      const shared = inner.value('ReduceSum', [product, inner.integers([2])], { keepdims: 1 });
      return inner.value('Add', [sum as string, block.amongAllKeys(shared)]); // one sum for each that went in
    };
    return {
      carried: [added(sums[0], block.q, ds, scale), added(sums[1], gradient, block.p, 1)],
      collected: [emitProduct(inner, matrix(ds), matrix(block.k), { alpha: scale }, float)],
    };
  });

  const [dq, dk, dv] = node.outputs as [Tensor, Tensor, Tensor];
  joinBlocks(emit, node, collected[0] as string, dq);
  const [dkSum, dvSum] = carried as [string, string];
  const back = { perm: [0, 1, 2, 4, 3] };
  emit.node('Transpose', [dkSum], [dk.name], back);
  emit.node('Transpose', [slice(emit, dvSum, emit.integers([0]), emit.integers([size]), 3)], [dv.name], back);
}

const matrix = (name: string): Matrix => ({ name, rank: 5 });

type Blockwise = GraphNode<'BlockwiseAttention'> | GraphNode<'BlockwiseAttentionGradient'>;

/** int64 [1] each. */
interface QueryBlocks {
  readonly length: string;
  /** Queries of a block: all, where there are fewer. */
  readonly block: string;
  readonly count: string;
}

function queryBlocks(emit: Emitter, { inputs, attrs }: Blockwise): QueryBlocks {
  const length = emit.dimension((inputs[0] as Tensor).dims[3] as Dim); // by the shape rule
  const one = emit.integers([1]);
  const block = emit.value('Min', [length, emit.integers([attrs.block])]);
  const upwards = emit.value('Sub', [emit.value('Add', [length, block]), one]);
  return { length, block, count: emit.value('Div', [upwards, block]) };
}

interface QueryBlock {
  readonly q: string;
  readonly k: string;
  /** [B, K, G, block, S]: probabilities over the S keys that some query of the block sees. */
  readonly p: string;
  /** The part [.., block, D] of [.., T, D] that belongs to its queries; beyond the last one zeros. */
  queriesOf(x: string): string;
  keysOf(x: string): string;
  /** [.., S] among zeros for the other keys, [.., T]. */
  amongAllKeys(x: string): string;
}

function queryBlock(
  emit: Emitter,
  { inputs, attrs }: Blockwise,
  { length, block }: QueryBlocks,
  number: string,
  float: FloatType,
): QueryBlock {
  const [q, k, , positions, segments] = inputs.map(({ name }) => name) as [string, string, string, string, string];
  const zero = emit.integers([0]);
  const start = emit.value('Mul', [number, block]);
  const end = emit.value('Min', [emit.value('Add', [start, block]), length]);
  const missing = emit.value('Sub', [block, emit.value('Sub', [end, start])]);
  const firstKey =
    attrs.window === undefined
      ? zero
      : emit.value('Max', [emit.value('Sub', [start, emit.integers([attrs.window - 1])]), zero]);
  const pad = (x: string, before: string, after: string, axis: number): string =>
    emit.value('Pad', [x, emit.value('Concat', [before, after], { axis: 0 }), '', emit.integers([axis])]);
  const queriesOf = (x: string): string => pad(slice(emit, x, start, end, 3), zero, missing, 3);
  const keysOf = (x: string): string => slice(emit, x, firstKey, end, 3);

  // a query beyond the last one is of no segment: it sees nothing, and its gradient is zero
  const nobody = emit.value('Expand', [
    emit.integers([-1], []),
    emit.value('Concat', [emit.dimension((inputs[3] as Tensor).dims[0] as Dim), missing], { axis: 0 }),
  ]);
  const column = (x: string): string =>
    emit.value('Unsqueeze', [
      emit.value('Concat', [slice(emit, x, start, end, 1), nobody], { axis: 1 }),
      emit.integers([1, 2, 4]),
    ]);
  const row = (x: string): string =>
    emit.value('Unsqueeze', [slice(emit, x, firstKey, end, 1), emit.integers([1, 2, 3])]);
  const [position, keyPosition] = [column(positions), row(positions)];
  const tests = [
    emit.value('Equal', [column(segments), row(segments)]),
    emit.value('GreaterOrEqual', [position, keyPosition]),
    ...(attrs.window === undefined
      ? []
      : [
          emit.value('GreaterOrEqual', [
            keyPosition,
            emit.value('Sub', [position, emit.integers([attrs.window - 1], [])]),
          ]),
        ]),
  ];
  const seen = tests.reduce((both, test) => emit.value('And', [both, test]));
  const mask = emit.value('Where', [seen, emit.scalar(0, float), emit.scalar(excludedScore, float)]);

  const [queries, keys] = [queriesOf(q), keysOf(k)];
  const scores = emitProduct(emit, matrix(queries), matrix(keys), { transB: true, alpha: attrs.scale }, float);
  return {
    q: queries,
    k: keys,
    p: emit.value('Softmax', [emit.value('Add', [scores, mask])], { axis: -1 }),
    queriesOf,
    keysOf,
    amongAllKeys: (x) => pad(x, firstKey, emit.value('Sub', [length, end]), 4),
  };
}

/** Blocks [n, B, K, G, block, D], the last one filled up, as one value [B, K, G, T, D]. */
function joinBlocks(emit: Emitter, { inputs }: Blockwise, blocks: string, y: Tensor): void {
  const [{ dims }] = inputs as [Tensor];
  const beside = emit.value('Transpose', [blocks], { perm: [1, 2, 3, 0, 4, 5] });
  const joined = emit.value('Reshape', [beside, emit.integers([0, 0, 0, -1, dims[4] as number])]);
  emit.node('Slice', [joined, emit.integers([0]), emit.dimension(dims[3] as Dim), emit.integers([3])], [y.name]);
}

const slice = (emit: Emitter, x: string, start: string, end: string, axis: number): string =>
  emit.value('Slice', [x, start, end, emit.integers([axis])]);
