import type { GraphBuilder } from '../graph/builder.ts';
import { divideDim, type Dim } from '../graph/dims.ts';
import { excludedScore } from '../graph/ops.ts';
import type { Tensor } from '../graph/tensor.ts';

/** Position and segment of a run of tokens, int64 [B, length] each. */
export interface TokenPlaces {
  readonly positions: Tensor;
  readonly segments: Tensor;
}

/** Some queries in a row, and the mask over the keys they may look at: the first ones. */
export interface MaskedBlock {
  readonly queries: Dim;
  readonly keys: Dim;
  /** Additive, the same for all heads: 0 where a query may look, very negative elsewhere. [B, 1, 1, queries, keys]. */
  readonly mask: Tensor;
}

/**
 * The masks of all queries, in order. Where queries and keys are the same tokens and their number is even, the first half of the
 * queries never sees the second half of the keys, so a quarter of all scores is never computed. (Finer blocks gain nothing on two
 * cores: their products get too small.)
 */
export function causalBlocks(
  graph: GraphBuilder,
  queries: TokenPlaces,
  keys: TokenPlaces,
  window: number | undefined,
): readonly MaskedBlock[] {
  const [[, length], [, keyLength]] = [queries, keys].map(({ positions }) => positions.dims) as [
    [Dim, Dim],
    [Dim, Dim],
  ];
  const half = divideDim(length, 2);
  if (queries !== keys || half === undefined)
    return [{ queries: length, keys: keyLength, mask: causalMask(graph, queries, keys, window) }];
  const [positions, segments] = [queries.positions, queries.segments].map((x) => graph.split(x, 1, [half, half]));
  const [first, second] = [0, 1].map((i) => ({ positions: positions?.[i], segments: segments?.[i] })) as [
    TokenPlaces,
    TokenPlaces,
  ];
  return [
    { queries: half, keys: half, mask: causalMask(graph, first, first, window) },
    { queries: half, keys: length, mask: causalMask(graph, second, keys, window) },
  ];
}

/**
 * Additive mask [B, 1, 1, T, S]: a query sees a key of its own segment at or before its own position and, with a window, fewer than
 * `window` positions back (the rule of Mistral and Qwen2: q - k < window). Segments keep packed rows apart.
 */
function causalMask(graph: GraphBuilder, queries: TokenPlaces, keys: TokenPlaces, window: number | undefined): Tensor {
  const [batch, length] = queries.positions.dims as [Dim, Dim];
  const [, keyLength] = keys.positions.dims as [Dim, Dim];
  const column = (x: Tensor): Tensor => graph.reshape(x, [batch, 1, 1, length, 1]);
  const row = (x: Tensor): Tensor => graph.reshape(x, [batch, 1, 1, 1, keyLength]);
  const [q, k] = [column(queries.positions), row(keys.positions)];
  const sameSegment = graph.apply('Equal', [column(queries.segments), row(keys.segments)], {});
  let seen = graph.apply('And', [sameSegment, graph.apply('GreaterOrEqual', [q, k], {})], {});
  if (window !== undefined) {
    const near = graph.apply('Less', [graph.sub(q, k), graph.integers([window], [])], {});
    seen = graph.apply('And', [seen, near], {});
  }
  return graph.where(seen, 0, excludedScore);
}
