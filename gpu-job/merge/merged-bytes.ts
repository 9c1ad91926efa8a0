import type { Finding } from '../../shared/errors.ts';
import type { FloatDtype } from '../../shared/formats/dtype.ts';
import type { AdapterReader } from '../folders/adapter.ts';
import type { FileSource } from '../folders/files.ts';
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
 * changes, else computed in float32 and rounded once. Values that are no numbers, in the base or in the stored type, become findings.
 */
export function createMergedBytes(
  sources: MergeSources,
  product: MergeProduct,
  findings: Finding[],
): (tensor: MergedTensor) => AsyncGenerator<Uint8Array> {
  const read = createBlockReader();
  const bytesOf = createByteReader();
  const encode = createBlockEncoder();
  return async function* mergedBytes(tensor) {
    const { source, update, dtype, shape } = tensor;
    const file = await sources.file(source.file);
    if (!update && dtype === source.dtype) {
      yield* bytesOf(file, source);
      return;
    }
    const module = update && (await sources.adapter.readModule(update.module));
    let sound = true;
    for (const block of blocksOf(shape)) {
      const W = await read(file, source, block);
      const values = module ? await product(W, updateBlock(module, block)) : W;
      const { bytes, finite } = encode(dtype as FloatDtype, values); // the plan lets no other through
      if (!finite && sound) {
        sound = false;
        findings.push(notFinite(tensor, W));
      }
      yield bytes;
    }
  };
}

function notFinite({ name, dtype }: MergedTensor, W: Float32Array): Finding {
  const message = W.every(Number.isFinite)
    ? `a value is too large for ${dtype}; write bf16 or f32`
    : 'the base holds a value that is no number';
  return { severity: 'error', code: 'not-finite', message, where: name };
}
