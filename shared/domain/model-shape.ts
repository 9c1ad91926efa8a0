import type { BaseTensor } from './base-modules.ts';

/** Sizes of a decoder, as far as the names and shapes of its tensors tell them. */
export interface ModelShape {
  readonly layers: number;
  readonly hidden: number;
  /** Columns of all queries of a token, and of all its keys. */
  readonly queries: number;
  readonly keyValue: number;
  /** Columns of one head: read off the norms of queries, else what most models have. */
  readonly headSize: number;
  readonly intermediate: number;
  readonly vocabulary: number;
  /** Whether the output embedding is the input embedding. */
  readonly tied: boolean;
}

/** Elements of a head where the tensors do not tell. */
const usualHeadSize = 64;

/** Whether a module, or a tensor, is one of a layer's. */
export const isInLayer = (name: string): boolean => layerOf(name) !== undefined;

const layerOf = (name: string): string | undefined => /(?:^|\.)layers\.(\d+)\./.exec(name)?.[1];

/** Reads them off the tensors of a Llama-like checkpoint, fused projections included; 0 where there is no such tensor. */
export function modelShape(tensors: Iterable<BaseTensor>): ModelShape {
  const shape = { layers: 0, hidden: 0, queries: 0, keyValue: 0, intermediate: 0, vocabulary: 0 };
  let [fused, headSize, tied] = [0, usualHeadSize, true];
  for (const { name, shape: sizes } of tensors) {
    const layer = layerOf(name);
    if (layer !== undefined) shape.layers = Math.max(shape.layers, Number(layer) + 1);
    const [rows = 0, columns = 0] = sizes;
    if (name.endsWith('embed_tokens.weight')) [shape.vocabulary, shape.hidden] = [rows, columns];
    if (name.endsWith('.k_proj.weight')) shape.keyValue = Math.max(shape.keyValue, rows);
    if (name.endsWith('.up_proj.weight')) shape.intermediate = Math.max(shape.intermediate, rows);
    if (name.endsWith('.gate_up_proj.weight')) shape.intermediate = Math.max(shape.intermediate, rows / 2);
    if (name.endsWith('.qkv_proj.weight')) fused = rows;
    if (name.endsWith('.o_proj.weight')) shape.queries = columns;
    if (name.endsWith('.q_norm.weight')) headSize = rows;
    if (name === 'lm_head.weight') tied = false;
  }
  if (fused > shape.queries) shape.keyValue = Math.max(shape.keyValue, (fused - shape.queries) / 2);
  return { ...shape, headSize, tied };
}
