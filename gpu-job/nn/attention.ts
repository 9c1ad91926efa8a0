import { timesDim, type Dim } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { ForwardContext } from './forward-context.ts';

export interface AttentionSpec {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * Causal self-attention with grouped queries (Ainslie et al. 2023), x [N, H] -> [N, H]. `module` is the checkpoint path of its
 * projections. Queries that share a key head lie along an axis of their own, over which keys and values broadcast without being
 * copied. (As more rows of one product per key head they would be too few products to keep an odd number of threads busy.)
 */
export function attention(
  context: ForwardContext,
  spec: AttentionSpec,
  module: string,
  layer: number,
  window: number | undefined,
  x: Tensor,
): Tensor {
  const { graph } = context;
  const { heads, kvHeads, headDim } = spec;
  const [batch, length] = context.inputIds.dims as [Dim, Dim];
  const groups = heads / kvHeads;
  const split = (projected: Tensor, count: number): Tensor =>
    graph.transpose(graph.reshape(projected, [batch, length, count, headDim]), [0, 2, 1, 3]); // [B, count, T, D]
  const rotate = (states: Tensor): Tensor =>
    graph.apply('Rope', [states, context.positions, context.rope.cos, context.rope.sin], { inverse: false });

  const projections = ['q_proj', 'k_proj', 'v_proj'].map((name) => `${module}.${name}`);
  const [q, k, v] = context.linears(projections, x) as [Tensor, Tensor, Tensor]; // one for each module
  const queries = rotate(split(q, heads));
  let keys = rotate(split(k, kvHeads));
  let values = split(v, kvHeads);
  if (context.joinCache) ({ keys, values } = context.joinCache(layer, keys, values));

  const grouped = graph.reshape(queries, [batch, kvHeads, groups, length, headDim]);
  const shared = (states: Tensor): Tensor => graph.reshape(states, [batch, kvHeads, 1, states.dims[2] as Dim, headDim]);
  const [sharedKeys, sharedValues] = [shared(keys), shared(values)];
  const blocks = context.masks(window);
  const parts = graph.split(
    grouped,
    3,
    blocks.map((block) => block.queries),
  );
  const mixtures = blocks.map(({ keys: seen, mask }, i) => {
    const [k, v] = [sharedKeys, sharedValues].map((states) => leading(graph, states, seen)) as [Tensor, Tensor];
    return graph.apply('Attention', [parts[i] as Tensor, k, v, mask], { scale: 1 / Math.sqrt(headDim) });
  });
  const mixed = graph.concat(mixtures, 3, length);
  const merged = graph.transpose(graph.reshape(mixed, [batch, heads, length, headDim]), [0, 2, 1, 3]); // [B, T, heads, D]
  return context.linear(`${module}.o_proj`, graph.reshape(merged, [timesDim(batch, length), heads * headDim]));
}

/** The first `count` of the states [B, kv, 1, S, D]: all, or half of them. */
function leading(graph: GraphBuilder, states: Tensor, count: Dim): Tensor {
  return count === states.dims[3] ? states : (graph.split(states, 3, [count, count])[0] as Tensor);
}
