import { timesDim, type Dim } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { DecoderSpec } from './decoder-spec.ts';
import type { ForwardContext } from './forward-context.ts';
import { rmsNorm } from './norm.ts';
import type { RopeSpec } from './rotary.ts';

/**
 * Causal self-attention with grouped queries (Ainslie et al. 2023), x [N, H] -> [N, H]. `module` is the checkpoint path of its
 * projections. Queries that share a key head lie along an axis of their own, over which keys and values broadcast without being
 * copied. (As more rows of one product per key head they would be too few products to keep an odd number of threads busy.)
 */
export function attention(
  context: ForwardContext,
  spec: DecoderSpec,
  module: string,
  layer: number,
  x: Tensor,
): Tensor {
  const { graph } = context;
  const { heads, kvHeads, headDim } = spec;
  const [batch, length] = context.inputIds.dims as [Dim, Dim];
  const groups = heads / kvHeads;
  const split = (projected: Tensor, count: number, norm?: string): Tensor => {
    const states = graph.reshape(projected, [batch, length, count, headDim]);
    const normed =
      norm !== undefined && spec.queryKeyNorm ? rmsNorm(context, spec, `${module}.${norm}`, states) : states;
    return graph.transpose(normed, [0, 2, 1, 3]); // [B, count, T, D]
  };
  const turn = (states: Tensor): Tensor => turned(context, spec.ropes[layer], states);

  const [q, k, v] = projections(context, spec, module, x);
  const queries = turn(split(q, heads, 'q_norm'));
  let keys = turn(split(k, kvHeads, 'k_norm'));
  let values = split(v, kvHeads);
  if (context.joinCache) ({ keys, values } = context.joinCache(layer, keys, values));

  const grouped = graph.reshape(queries, [batch, kvHeads, groups, length, headDim]);
  const shared = (states: Tensor): Tensor => graph.reshape(states, [batch, kvHeads, 1, states.dims[2] as Dim, headDim]);
  const mixed = mixture(context, spec, layer, grouped, shared(keys), shared(values));
  const merged = graph.transpose(graph.reshape(mixed, [batch, heads, length, headDim]), [0, 2, 1, 3]); // [B, T, heads, D]
  return context.linear(`${module}.o_proj`, graph.reshape(merged, [timesDim(batch, length), heads * headDim]));
}

/** What each query takes from the values it sees, [B, kv, groups, T, D] like the queries; keys and values are [B, kv, 1, S, D]. */
function mixture(
  context: ForwardContext,
  spec: DecoderSpec,
  layer: number,
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
): Tensor {
  const { graph, blockwise } = context;
  const [scale, window] = [spec.attentionScale, spec.windows[layer]];
  if (blockwise) {
    const { block, places } = blockwise;
    const inputs = [queries, keys, values, places.positions, places.segments];
    return graph.apply('BlockwiseAttention', inputs, { scale, block, window });
  }
  const blocks = context.masks(window);
  const parts = graph.split(
    queries,
    3,
    blocks.map((block) => block.queries),
  );
  const mixtures = blocks.map(({ keys: seen, mask }, i) => {
    const [k, v] = [keys, values].map((states) => leading(graph, states, seen)) as [Tensor, Tensor];
    return graph.apply('Attention', [parts[i] as Tensor, k, v, mask], { scale });
  });
  return graph.concat(mixtures, 3, queries.dims[3] as Dim);
}

/** Queries [N, heads * D], keys and values [N, kv * D] of x. */
function projections(context: ForwardContext, spec: DecoderSpec, module: string, x: Tensor): [Tensor, Tensor, Tensor] {
  const { heads, kvHeads, headDim } = spec;
  const parts = spec.fusedProjections
    ? context.graph.split(
        context.linear(`${module}.qkv_proj`, x),
        1,
        [heads, kvHeads, kvHeads].map((count) => count * headDim),
      )
    : context.linears(
        ['q_proj', 'k_proj', 'v_proj'].map((name) => `${module}.${name}`),
        x,
      );
  return parts as [Tensor, Tensor, Tensor]; // one for each module or size
}

/** The states [B, heads, T, D] with the first dimensions of each head turned by its position: all, or as many as the rope has. */
function turned(context: ForwardContext, spec: RopeSpec | undefined, states: Tensor): Tensor {
  if (spec === undefined) return states;
  const { graph, ropeRows } = context;
  const headDim = states.dims[3] as number; // the heads were split off with a known size
  const { cos, sin } = context.rope(spec);
  const sizes = spec.dim === headDim ? [headDim] : [spec.dim, headDim - spec.dim];
  const [first, ...rest] = graph.split(states, 3, sizes) as [Tensor, ...Tensor[]];
  return graph.concat([graph.apply('Rope', [first, ropeRows, cos, sin], { inverse: false }), ...rest], 3, headDim);
}

/** The first `count` of the states [B, kv, 1, S, D]: all, or half of them. */
function leading(graph: GraphBuilder, states: Tensor, count: Dim): Tensor {
  return count === states.dims[3] ? states : (graph.split(states, 3, [count, count])[0] as Tensor);
}
