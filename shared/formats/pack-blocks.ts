import { invariant } from '../errors.ts';
import { float16ToFloat32, float32ToFloat16 } from './half.ts';
import type { BlockPacking } from './packing.ts';

/** A matrix in blocks of 4 bits with a scale and a zero point for each. */
export interface BlockMatrix {
  readonly packing: BlockPacking;
  readonly codes: Uint8Array;
  /** float16. */
  readonly scales: Uint16Array;
  readonly zeros: Uint8Array;
}

/**
 * Packs values, whole blocks of them: a block's values and zero are spread over 16 codes, `scale * (code - zero)`. The scale is rounded to
 * float16 before the codes are chosen. Values must be at most 65,504 in size.
 */
export function packBlocks(values: Float32Array, blockSize: number): BlockMatrix {
  invariant(values.length % blockSize === 0, `${values.length} values are whole blocks of ${blockSize}`);
  const [blocks, half] = [values.length / blockSize, blockSize / 2];
  const steps = new Float32Array(blocks);
  const lowest = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const [low, high] = rangeOf(values, block * blockSize, blockSize);
    lowest[block] = low;
    steps[block] = (high - low) / 15;
  }
  const scales = float32ToFloat16(steps);
  const rounded = float16ToFloat32(scales);
  const zeros = new Uint8Array(blocks);
  const codes = new Uint8Array(values.length / 2);
  for (let block = 0; block < blocks; block++) {
    const scale = rounded[block] as number;
    const zero = scale === 0 ? 0 : clampCode(-(lowest[block] as number) / scale);
    zeros[block] = zero;
    if (scale === 0) continue;
    const start = block * blockSize;
    for (let i = 0; i < half; i++) {
      const low = clampCode((values[start + i] as number) / scale + zero);
      const high = clampCode((values[start + half + i] as number) / scale + zero);
      codes[block * half + i] = low | (high << 4);
    }
  }
  return { packing: { kind: 'blocks', blockSize, bits: 4, offset: 'zeros' }, codes, scales, zeros };
}

const clampCode = (x: number): number => Math.min(15, Math.max(0, Math.round(x)));

/** Smallest and largest value of a block, zero being one of them. */
function rangeOf(values: Float32Array, start: number, length: number): [number, number] {
  let [low, high] = [0, 0];
  for (let i = start; i < start + length; i++) {
    const value = values[i] as number;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
