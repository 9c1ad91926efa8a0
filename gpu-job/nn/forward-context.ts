import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { MaskedBlock, TokenPlaces } from './mask.ts';
import type { RopeSpec } from './rotary.ts';

/** What a model's forward pass is given. Weights and linear layers come from outside, so a model never knows how it is tuned. */
export interface ForwardContext {
  readonly graph: GraphBuilder;
  /** int64 [B, T]. */
  readonly inputIds: Tensor;
  /** Rows of the rotary tables, int64 [B, T]: the positions, restarting at 0 in every packed segment; `ropeFeed` says where they are more. */
  readonly ropeRows: Tensor;
  /** Tables [M, dim/2] of a rotary embedding that some layer of the model has. */
  rope(spec: RopeSpec): { readonly cos: Tensor; readonly sin: Tensor };
  /** What each query may look at. `window` limits how far back. */
  masks(window: number | undefined): readonly MaskedBlock[];
  /** Present where attention comes in blocks of so many queries, and then it is what says who sees whom. */
  readonly blockwise?: { readonly block: number; readonly places: TokenPlaces };
  /** A tensor of the checkpoint, in the graph's float type. */
  weight(name: string): Tensor;
  /** Rows [N, H] of the embedding `module` for token ids [N], with whatever a method adds to them. */
  embed(module: string, ids: Tensor): Tensor;
  /** x @ W^T (+ bias) of the module, x [N, in] -> [N, out], with whatever a method adds to it. */
  linear(module: string, x: Tensor): Tensor;
  /** The same for several modules that read one x; cheaper than one by one. */
  linears(modules: readonly string[], x: Tensor): readonly Tensor[];
  /** While generating: joins this layer's keys and values [B, kv, T, D] with the cached ones and keeps the result. */
  joinCache?(layer: number, keys: Tensor, values: Tensor): { readonly keys: Tensor; readonly values: Tensor };
}
