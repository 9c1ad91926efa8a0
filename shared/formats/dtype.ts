import { DomainError } from '../errors.ts';
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half.ts';

/** Bits of one value of each element type the safetensors format defines. Those of 8 bits and less are carried, not decoded. */
export const dtypeBits = {
  F64: 64,
  F32: 32,
  F16: 16,
  BF16: 16,
  I64: 64,
  I32: 32,
  I16: 16,
  I8: 8,
  U64: 64,
  U32: 32,
  U16: 16,
  U8: 8,
  BOOL: 8,
  C64: 64,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
} as const;

/** An element type, in the spelling of safetensors headers. */
export type Dtype = keyof typeof dtypeBits;

/** Element types that training, merging and composing can compute with. */
export type FloatDtype = 'F32' | 'F16' | 'BF16';

/** Whether `name` is an element type of the format. */
export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(dtypeBits, name);
}

/** Bytes of one value; a fraction for the types that pack several values into a byte. */
export function dtypeBytes(dtype: Dtype): number {
  return dtypeBits[dtype] / 8;
}

/** Number of values in a tensor of this shape; exact as long as it is a safe integer. `[]` is a scalar: one value. */
export function shapeSize(shape: readonly number[]): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}

/** Whether `decodeToFloat32` can read this type. */
export function isDecodable(dtype: Dtype): dtype is FloatDtype | 'F64' {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16' || dtype === 'F64';
}

/**
 * Reads little-endian values as float32: F32, F16 and BF16 exactly, F64 rounded to the nearest.
 * The result may share memory with `bytes` when those are F32. Throws `DomainError('dtype-not-decodable')` for other types.
 */
export function decodeToFloat32(dtype: Dtype, bytes: Uint8Array): Float32Array {
  if (!isDecodable(dtype))
    throw new DomainError(
      'dtype-not-decodable',
      `Values of type ${dtype} cannot be computed with; convert the tensor to F32, F16 or BF16 first.`,
    );
  const width = dtypeBytes(dtype);
  if (bytes.byteLength % width !== 0)
    throw new RangeError(`${bytes.byteLength} bytes are not a whole number of ${dtype} values`);
  const count = bytes.byteLength / width;
  // Typed arrays need an aligned start; tensors in a file may begin anywhere.
  const { buffer, byteOffset } = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  if (dtype === 'F32') return new Float32Array(buffer, byteOffset, count);
  if (dtype === 'F64') return Float32Array.from(new Float64Array(buffer, byteOffset, count));
  const halves = new Uint16Array(buffer, byteOffset, count);
  return dtype === 'F16' ? float16ToFloat32(halves) : bfloat16ToFloat32(halves);
}

/** Writes float32 values as little-endian F32 (shares memory with `values`), F16 or BF16 (nearest even). */
export function encodeFromFloat32(dtype: FloatDtype, values: Float32Array): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return new Uint8Array((dtype === 'F16' ? float32ToFloat16(values) : float32ToBfloat16(values)).buffer);
}
