import { invariant } from '../errors.ts';
import { decodeToFloat32, type Dtype } from './dtype.ts';
import { nf4Values } from './nf4.ts';
import type { BlockPacking, Nf4Packing, Packing } from './packing.ts';

/** Bytes of one part of a packed matrix. */
export interface PackedBytes {
  readonly dtype: Dtype;
  readonly bytes: Uint8Array;
}

/** The values of a packed matrix, row-major; `parts` in the order of `Packing`. Computed in float32, like the graph does. */
export function unpack(packing: Packing, parts: readonly PackedBytes[]): Float32Array {
  return packing.kind === 'nf4' ? unpackNf4(packing, parts) : unpackBlocks(packing, parts);
}

function unpackNf4({ blockSize, nested }: Nf4Packing, parts: readonly PackedBytes[]): Float32Array {
  const codes = part(parts, 0).bytes;
  const scales = nested ? nestedScales(nested, parts) : floats(parts, 1);
  const out = new Float32Array(codes.length * 2);
  for (let i = 0; i < out.length; i++) {
    const byte = codes[i >> 1] as number;
    const code = i & 1 ? byte & 15 : byte >> 4;
    out[i] = (nf4Values[code] as number) * (scales[Math.floor(i / blockSize)] as number);
  }
  return out;
}

function nestedScales({ blockSize, offset }: NonNullable<Nf4Packing['nested']>, parts: readonly PackedBytes[]) {
  const [places, scales, table] = [part(parts, 1).bytes, floats(parts, 2), floats(parts, 3)];
  return Float32Array.from(places, (place, i) => {
    const scale = scales[Math.floor(i / blockSize)] as number;
    return Math.fround((table[place] as number) * scale) + offset;
  });
}

function unpackBlocks({ blockSize, bits, offset }: BlockPacking, parts: readonly PackedBytes[]): Float32Array {
  const codes = part(parts, 0).bytes;
  const scales = floats(parts, 1);
  const mins = offset === 'mins' ? floats(parts, 2) : undefined;
  const zeros = offset === 'zeros' ? part(parts, 2).bytes : undefined;
  const [out, half] = [new Float32Array(scales.length * blockSize), blockSize / 2];
  for (let i = 0; i < out.length; i++) {
    const block = Math.floor(i / blockSize);
    const scale = scales[block] as number;
    const code = bits === 8 ? ((codes[i] as number) << 24) >> 24 : nibble(codes, block * half, i % blockSize, half);
    const zero = zeros ? (zeros[block] as number) : typeof offset === 'number' ? offset : 0;
    const value = scale * (code - zero);
    out[i] = mins ? value + (mins[block] as number) : value;
  }
  return out;
}

function nibble(codes: Uint8Array, start: number, place: number, half: number): number {
  return place < half ? (codes[start + place] as number) & 15 : (codes[start + place - half] as number) >> 4;
}

function part(parts: readonly PackedBytes[], i: number): PackedBytes {
  const found = parts[i];
  invariant(found, `a packed matrix has a part ${i}`);
  return found;
}

function floats(parts: readonly PackedBytes[], i: number): Float32Array {
  const { dtype, bytes } = part(parts, i);
  return decodeToFloat32(dtype, bytes);
}
