import { invariant } from '../../shared/errors.ts';
import type { FileSource } from '../../shared/files/file-source.ts';
import { decodeToFloat32, dtypeBytes, shapeSize, type Dtype, type FloatDtype } from '../../shared/formats/dtype.ts';
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from '../../shared/formats/half.ts';
import type { TensorEntry } from '../../shared/formats/safetensors-header.ts';
import { limits } from '../../shared/limits.ts';
import type { LoraModule } from '../folders/adapter.ts';
import type { UpdateBlock } from './merge-products.ts';

/** A piece of a tensor: its first value and how many there are. */
export interface Block {
  readonly start: number;
  readonly length: number;
}

/** Divides a tensor into pieces of whole rows, about `limits.mergeBlockBytes` of float32 values each. */
export function* blocksOf(shape: readonly number[]): Generator<Block> {
  const total = shapeSize(shape);
  const rowLength = Math.max(1, shapeSize(shape.slice(1)));
  const length = Math.max(1, Math.floor(limits.mergeBlockBytes / 4 / rowLength)) * rowLength;
  for (let start = 0; start < total; start += length) yield { start, length: Math.min(length, total - start) };
}

/** Reads the bytes of tensors in pieces; a piece is overwritten by the next one. */
export function createByteReader(): (file: FileSource, tensor: TensorEntry) => AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(limits.mergeBlockBytes);
  return async function* bytesOf(file, { offset, lengthBytes }) {
    for (let done = 0; done < lengthBytes; done += memory.byteLength) {
      const piece = memory.subarray(0, Math.min(memory.byteLength, lengthBytes - done));
      await file.readInto(piece, offset + done);
      yield piece;
    }
  };
}

/** Reads pieces of tensors as float32; a result is overwritten by the next read. */
export type BlockReader = (
  file: FileSource,
  tensor: { readonly dtype: Dtype; readonly offset: number },
  block: Block,
) => Promise<Float32Array>;

/** A reader with memory of its own: fresh arrays for every block would cost more time than the arithmetic. */
export function createBlockReader(): BlockReader {
  let stored = new Uint8Array(0);
  let values = new Float32Array(0);
  return async (file, { dtype, offset }, { start, length }) => {
    const width = dtypeBytes(dtype);
    if (stored.byteLength < length * width) stored = new Uint8Array(length * width);
    const bytes = stored.subarray(0, length * width);
    await file.readInto(bytes, offset + start * width);
    if (dtype !== 'BF16' && dtype !== 'F16') return decodeToFloat32(dtype, bytes);
    if (values.length < length) values = new Float32Array(length);
    const halves = new Uint16Array(bytes.buffer, 0, length);
    const widen = dtype === 'BF16' ? bfloat16ToFloat32 : float16ToFloat32;
    return widen(halves, values.subarray(0, length));
  };
}

/** Rounds values to a stored type; the bytes are overwritten by the next call, and those of F32 are `values` itself. */
export type BlockEncoder = (dtype: FloatDtype, values: Float32Array) => Uint8Array;

export function createBlockEncoder(): BlockEncoder {
  let halves = new Uint16Array(0);
  return (dtype, values) => {
    if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    if (halves.length < values.length) halves = new Uint16Array(values.length);
    const narrow = dtype === 'BF16' ? float32ToBfloat16 : float32ToFloat16;
    const bits = narrow(values, halves.subarray(0, values.length));
    return new Uint8Array(bits.buffer, 0, bits.byteLength);
  };
}

/** The rows of the update that belong to a piece of its weight. */
export function updateBlock(
  { r, inFeatures, scaling, A, B, magnitude }: LoraModule,
  { start, length }: Block,
): UpdateBlock {
  invariant(start % inFeatures === 0 && length % inFeatures === 0, 'a block is made of whole rows');
  const first = start / inFeatures;
  const rows = length / inFeatures;
  const lengths = magnitude?.subarray(first, first + rows);
  const factors = { A, B: B.subarray(first * r, (first + rows) * r) };
  return { rows, inFeatures, r, scaling, ...factors, ...(lengths ? { magnitude: lengths } : {}) };
}
