import type { MergeProduct } from '../merge/merge-products.ts';
import type { MergedTensor } from '../merge/merge-plan.ts';
import type { MergeSources } from '../merge/merged-bytes.ts';
import { blocksOf, createBlockReader, updateBlock } from '../merge/tensor-blocks.ts';

/** A tensor of a model with or without an adapter. */
export type ExportedTensor = Pick<MergedTensor, 'shape' | 'source' | 'update' | 'copy'>;

/**
 * Gives the float32 values of tensors, whole rows at a time, each piece overwritten by the next: `W + scaling * B @ A` where the
 * adapter acts, else the stored ones.
 */
export function createTensorValues(
  sources: Pick<MergeSources, 'file'> & Partial<Pick<MergeSources, 'adapter'>>,
  product: MergeProduct,
): (tensor: ExportedTensor) => AsyncGenerator<Float32Array> {
  const read = createBlockReader();
  return async function* tensorValues({ source, update, copy, shape }) {
    const whole = copy && (await sources.adapter?.readCopy(source.name));
    if (whole) {
      for (const { start, length } of blocksOf(shape)) yield whole.subarray(start, start + length);
      return;
    }
    const file = await sources.file(source.file);
    const module = update && (await sources.adapter?.readModule(update.module));
    for (const block of blocksOf(shape)) {
      const W = await read(file, source, block);
      yield module ? await product(W, updateBlock(module, block)) : W;
    }
  };
}
