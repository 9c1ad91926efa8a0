import type { ByteSource } from './bytes.ts';
import { dequantizeGguf } from './gguf-dequantize.ts';
import type { GgufTensor } from './gguf-header.ts';

/** Reads one tensor as float32 values in row-major order of its shape; throws `DomainError('gguf-type')` when its storage type cannot be decoded. */
export async function readGgufTensor(source: ByteSource, tensor: GgufTensor): Promise<Float32Array> {
  return dequantizeGguf(tensor.type.name, await source.read(tensor.offset, tensor.lengthBytes));
}
