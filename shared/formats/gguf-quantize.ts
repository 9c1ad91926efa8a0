import { invariant } from '../errors.ts';
import { encodeFromFloat32 } from './dtype.ts';
import { float32ToFloat16 } from './half.ts';

/** Storage types that are written. */
export type GgufWrittenType = 'F32' | 'F16' | 'BF16' | 'Q8_0';

/** Number of each written type, its values in a block and the bytes of one; as in `ggufTypes`. */
export const ggufWrittenTypes: Readonly<
  Record<GgufWrittenType, { readonly id: number; readonly blockValues: number; readonly blockBytes: number }>
> = {
  F32: { id: 0, blockValues: 1, blockBytes: 4 },
  F16: { id: 1, blockValues: 1, blockBytes: 2 },
  BF16: { id: 30, blockValues: 1, blockBytes: 2 },
  Q8_0: { id: 8, blockValues: 32, blockBytes: 34 },
};

/** The largest magnitude that stays finite in a type: above it rounding gives infinity (of the block's scale, for Q8_0). */
export const ggufLargest: Readonly<Record<GgufWrittenType, number>> = {
  F32: 3.4028234663852886e38,
  F16: 65_519.99,
  BF16: 3.3961775292304e38,
  Q8_0: 127 * 65_519.99,
};

/**
 * Encodes float32 values, whole blocks of them, in a storage type. F32 shares memory with `values`. Values must be finite and
 * at most `ggufLargest`.
 */
export function quantizeGguf(type: GgufWrittenType, values: Float32Array): Uint8Array {
  return type === 'Q8_0' ? quantizeQ8(values) : encodeFromFloat32(type, values);
}

/**
 * A block of 32 is d = max|x| / 127 as f16, then 32 signed bytes q = round(x / d), halves away from zero. As in ggml, x is
 * multiplied by 1 / d in float32, with the d before it was rounded to f16, so the bytes are ggml's own.
 * Source: ggml, `ggml-quants.c` (`quantize_row_q8_0_ref`).
 */
function quantizeQ8(values: Float32Array): Uint8Array {
  const { blockValues, blockBytes } = ggufWrittenTypes.Q8_0;
  invariant(values.length % blockValues === 0, `${values.length} values are whole blocks of ${blockValues}`);
  const blocks = values.length / blockValues;
  const scales = new Float32Array(blocks);
  const out = new Uint8Array(blocks * blockBytes);
  for (let block = 0; block < blocks; block++) {
    const start = block * blockValues;
    let largest = 0;
    for (let i = start; i < start + blockValues; i++) largest = Math.max(largest, Math.abs(values[i] as number));
    const d = Math.fround(largest / 127);
    const inverse = d === 0 ? 0 : Math.fround(1 / d);
    scales[block] = d;
    // a scale below float32's normal numbers has no inverse, and as f16 it is zero: so are its values
    if (!Number.isFinite(inverse)) continue;
    const at = block * blockBytes + 2;
    for (let i = 0; i < blockValues; i++) out[at + i] = roundAway(Math.fround((values[start + i] as number) * inverse));
  }
  const halves = float32ToFloat16(scales);
  for (let block = 0; block < blocks; block++) {
    out[block * blockBytes] = (halves[block] as number) & 0xff;
    out[block * blockBytes + 1] = (halves[block] as number) >> 8;
  }
  return out;
}

/** C's `roundf`. Adding one half is exact here: a float32 of this size has room to spare in a double. */
function roundAway(value: number): number {
  return value < 0 ? -Math.floor(0.5 - value) : Math.floor(value + 0.5);
}
