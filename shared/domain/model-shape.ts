import type { BaseTensor } from './base-modules.ts';

/** Sizes of a decoder, as far as the names and shapes of its tensors tell them. */
export interface ModelShape {
  readonly layers: number;
  readonly hidden: number;
  readonly keyValue: number;
  readonly intermediate: number;
  readonly vocabulary: number;
}

/** Reads them off the tensors of a Llama-like checkpoint, fused projections included; 0 where there is no such tensor. */
export function modelShape(tensors: Iterable<BaseTensor>): ModelShape {
  const shape = { layers: 0, hidden: 0, keyValue: 0, intermediate: 0, vocabulary: 0 };
  let [fused, queries] = [0, 0];
  for (const { name, shape: sizes } of tensors) {
    const layer = /\.layers\.(\d+)\./.exec(name)?.[1];
    if (layer !== undefined) shape.layers = Math.max(shape.layers, Number(layer) + 1);
    const [rows = 0, columns = 0] = sizes;
    if (name.endsWith('embed_tokens.weight')) [shape.vocabulary, shape.hidden] = [rows, columns];
    if (name.endsWith('.k_proj.weight')) shape.keyValue = Math.max(shape.keyValue, rows);
    if (name.endsWith('.up_proj.weight')) shape.intermediate = Math.max(shape.intermediate, rows);
    if (name.endsWith('.gate_up_proj.weight')) shape.intermediate = Math.max(shape.intermediate, rows / 2);
    if (name.endsWith('.qkv_proj.weight')) fused = rows;
    if (name.endsWith('.o_proj.weight')) queries = columns;
  }
  if (fused > queries) shape.keyValue = Math.max(shape.keyValue, (fused - queries) / 2);
  return shape;
}
