import type { GraphBuilder } from '../graph/builder.ts';
import type { Dim } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';

/** Finite, so that adding a score never makes infinity minus infinity; exp of it is 0 in float32. */
const excluded = -1e30;

/** Position and segment of a run of tokens, int64 [B, length] each. */
export interface TokenPlaces {
  readonly positions: Tensor;
  readonly segments: Tensor;
}

/**
 * Additive mask [B, 1, 1, T, S]: a query sees a key of its own segment at or before its own position and, with a window, fewer than
 * `window` positions back (the rule of Mistral and Qwen2: q - k < window). Segments keep packed rows apart.
 */
export function causalMask(
  graph: GraphBuilder,
  queries: TokenPlaces,
  keys: TokenPlaces,
  window: number | undefined,
): Tensor {
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
  return graph.where(seen, 0, excluded);
}
