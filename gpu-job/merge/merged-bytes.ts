import type { FileSource } from '../../shared/files/file-source.ts';
import type { FloatDtype } from '../../shared/formats/dtype.ts';
import type { AdapterReader } from '../folders/adapter.ts';
import type { MergedTensor } from './merge-plan.ts';
import type { MergeProduct } from './merge-products.ts';
import { blocksOf, createBlockEncoder, createBlockReader, createByteReader, updateBlock } from './tensor-blocks.ts';

export interface MergeSources {
  readonly adapter: AdapterReader;
  /** The file of the base with this name, open. */
  file(name: string): Promise<FileSource>;
}

/**
 * Makes the bytes of tensors of the merged model, piece by piece, each piece overwritten by the next: copied where nothing
 * changes, else computed in float32 and rounded once.
 */
export function createMergedBytes(
  sources: MergeSources,
  product: MergeProduct,
): (tensor: MergedTensor) => AsyncGenerator<Uint8Array> {
  const read = createBlockReader();
  const bytesOf = createByteReader();
  const encode = createBlockEncoder();
  return async function* mergedBytes(tensor) {
    const { name, source, update, copy, dtype, shape } = tensor;
    if (copy) {
      const values = await sources.adapter.readCopy(name);
      for (const { start, length } of blocksOf(shape))
        yield encode(dtype as FloatDtype, values.subarray(start, start + length));
      return;
    }
    const file = await sources.file(source.file);
    if (!update && dtype === source.dtype) {
      yield* bytesOf(file, source);
      return;
    }
    const module = update && (await sources.adapter.readModule(update.module));
    for (const block of blocksOf(shape)) {
      const W = await read(file, source, block);
      const values = module ? await product(W, updateBlock(module, block)) : W;
      yield encode(dtype as FloatDtype, values); // the plan lets no other through
    }
  };
}
