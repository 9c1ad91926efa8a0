import { invariant } from '../errors.ts';
import type { Nf4Packing } from './packing.ts';

/**
 * The 16 values of NF4: quantiles of the normal distribution, scaled to [-1, 1], with zero among them.
 * Source: bitsandbytes, `functional.py` (`get_4bit_type`), after Dettmers et al. 2023, arXiv 2305.14314, appendix E.
 */
export const nf4Values = Float32Array.of(
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
);

/**
 * The 256 values that scales are packed to: midpoints of ever finer decades, dense around zero (Dettmers 2022, arXiv 2110.02861).
 * Source: bitsandbytes, `functional.py` (`create_dynamic_map`).
 */
export const dynamicValues = Float32Array.from(
  [0, 1, ...Array.from({ length: 7 }, (_, decade) => decadeValues(decade)).flat()].toSorted((a, b) => a - b),
);

function decadeValues(decade: number): number[] {
  const parts = 2 ** decade;
  const border = (i: number): number => 0.1 + (0.9 * i) / parts;
  const middles = Array.from({ length: parts }, (_, i) => ((border(i) + border(i + 1)) / 2) * 10 ** (decade - 6));
  return middles.flatMap((middle) => [middle, -middle]);
}

/** A matrix in NF4 whose scales are packed as well. */
export interface Nf4Matrix {
  readonly packing: Required<Nf4Packing>;
  /** Two codes in a byte, the first in the high bits. */
  readonly codes: Uint8Array;
  /** For each block, a place in `dynamicValues`. */
  readonly scales: Uint8Array;
  readonly nestedScales: Float32Array;
}

export const nf4BlockSize = 64;
const nestedBlockSize = 256;

/** Packs values, whole blocks of 64 of them, to the nearest. A block of zeros has scale zero. */
export function packNf4(values: Float32Array): Nf4Matrix {
  invariant(values.length % nf4BlockSize === 0, `${values.length} values are whole blocks of ${nf4BlockSize}`);
  const largest = largestOfBlocks(values, nf4BlockSize);
  const codes = new Uint8Array(values.length / 2);
  for (let i = 0; i < values.length; i++) {
    const scale = largest[Math.floor(i / nf4BlockSize)] as number;
    const code = scale === 0 ? 7 : nearest(nf4Values, nf4Borders, (values[i] as number) / scale);
    codes[i >> 1] = (codes[i >> 1] as number) | (i & 1 ? code : code << 4);
  }
  let sum = 0;
  for (const scale of largest) sum += scale;
  const offset = Math.fround(sum / largest.length);
  const centred = largest.map((scale) => scale - offset);
  const nestedScales = largestOfBlocks(centred, nestedBlockSize);
  const scales = Uint8Array.from(centred, (value, i) => {
    const nested = nestedScales[Math.floor(i / nestedBlockSize)] as number;
    return nested === 0 ? dynamicZero : nearest(dynamicValues, dynamicBorders, value / nested);
  });
  const packing = { kind: 'nf4', blockSize: nf4BlockSize, nested: { blockSize: nestedBlockSize, offset } } as const;
  return { packing, codes, scales, nestedScales };
}

/** The largest magnitude of each block; the last may be shorter. */
function largestOfBlocks(values: Float32Array, blockSize: number): Float32Array {
  const largest = new Float32Array(Math.ceil(values.length / blockSize));
  for (let i = 0; i < values.length; i++) {
    const block = Math.floor(i / blockSize);
    largest[block] = Math.max(largest[block] as number, Math.abs(values[i] as number));
  }
  return largest;
}

const bordersOf = (values: Float32Array): Float64Array =>
  Float64Array.from({ length: values.length - 1 }, (_, i) => ((values[i] as number) + (values[i + 1] as number)) / 2);
const nf4Borders = bordersOf(nf4Values);
const dynamicBorders = bordersOf(dynamicValues);
const dynamicZero = dynamicValues.indexOf(0);

/** Place of the nearest of sorted values, by the borders between them. */
function nearest(values: Float32Array, borders: Float64Array, x: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x > (borders[middle] as number)) low = middle + 1;
    else high = middle;
  }
  return low;
}
