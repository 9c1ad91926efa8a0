import { DomainError } from '../errors.ts';
import { decodeToFloat32 } from './dtype.ts';
import { float16Value } from './half.ts';

/** Storage types that `dequantizeGguf` can decode. */
export function canDequantizeGguf(type: string): boolean {
  return type === 'F32' || type === 'F16' || type === 'BF16' || type === 'F64' || Object.hasOwn(blockFormats, type);
}

/**
 * Decodes the data of a GGUF tensor to float32. Every value is computed exactly and rounded once, which gives the bits of
 * ggml's own float32 arithmetic. Throws `DomainError('gguf-type')` for types not decoded here.
 * Source of the layouts: ggml, `ggml-common.h` and `ggml-quants.c` (`dequantize_row_*`).
 */
export function dequantizeGguf(type: string, bytes: Uint8Array): Float32Array {
  if (type === 'F32' || type === 'F16' || type === 'BF16' || type === 'F64') return decodeToFloat32(type, bytes);
  const format = Object.hasOwn(blockFormats, type) ? blockFormats[type] : undefined;
  if (format === undefined)
    throw new DomainError(
      'gguf-type',
      `Tensors stored as ${type} cannot be decoded here; known are F32, F16, BF16, F64, ${Object.keys(blockFormats).join(', ')}.`,
    );
  if (bytes.byteLength % format.bytes !== 0)
    throw new RangeError(`${bytes.byteLength} bytes are not a whole number of ${type} blocks`);
  const blocks = bytes.byteLength / format.bytes;
  const out = new Float32Array(blocks * format.values);
  for (let i = 0; i < blocks; i++) format.decode(bytes, i * format.bytes, out, i * format.values);
  return out;
}

interface BlockFormat {
  readonly values: number;
  readonly bytes: number;
  /** Decodes the block at byte `at` into `out` from index `start`. */
  decode(bytes: Uint8Array, at: number, out: Float32Array, start: number): void;
}

const blockFormats: Readonly<Record<string, BlockFormat>> = {
  // d f16, 16 bytes of nibbles: x = d * (q - 8)
  Q4_0: {
    values: 32,
    bytes: 18,
    decode(bytes, at, out, start) {
      const d = half(bytes, at);
      for (let j = 0; j < 16; j++) {
        const q = bytes[at + 2 + j] as number;
        out[start + j] = d * ((q & 15) - 8);
        out[start + j + 16] = d * ((q >> 4) - 8);
      }
    },
  },
  // d f16, m f16, 16 bytes of nibbles: x = d * q + m
  Q4_1: {
    values: 32,
    bytes: 20,
    decode(bytes, at, out, start) {
      const d = half(bytes, at);
      const m = half(bytes, at + 2);
      for (let j = 0; j < 16; j++) {
        const q = bytes[at + 4 + j] as number;
        out[start + j] = d * (q & 15) + m;
        out[start + j + 16] = d * (q >> 4) + m;
      }
    },
  },
  // d f16, 32 fifth bits, 16 bytes of nibbles: x = d * (q - 16)
  Q5_0: {
    values: 32,
    bytes: 22,
    decode(bytes, at, out, start) {
      const d = half(bytes, at);
      for (let j = 0; j < 16; j++) {
        const q = bytes[at + 6 + j] as number;
        out[start + j] = d * (((q & 15) | fifthBit(bytes, at + 2, j)) - 16);
        out[start + j + 16] = d * (((q >> 4) | fifthBit(bytes, at + 2, j + 16)) - 16);
      }
    },
  },
  // d f16, m f16, 32 fifth bits, 16 bytes of nibbles: x = d * q + m
  Q5_1: {
    values: 32,
    bytes: 24,
    decode(bytes, at, out, start) {
      const d = half(bytes, at);
      const m = half(bytes, at + 2);
      for (let j = 0; j < 16; j++) {
        const q = bytes[at + 8 + j] as number;
        out[start + j] = d * ((q & 15) | fifthBit(bytes, at + 4, j)) + m;
        out[start + j + 16] = d * ((q >> 4) | fifthBit(bytes, at + 4, j + 16)) + m;
      }
    },
  },
  // d f16, 32 signed bytes: x = d * q
  Q8_0: {
    values: 32,
    bytes: 34,
    decode(bytes, at, out, start) {
      const d = half(bytes, at);
      for (let j = 0; j < 32; j++) out[start + j] = d * signed(bytes[at + 2 + j] as number);
    },
  },
  // d f16, dmin f16, 8 pairs of 6-bit scales in 12 bytes, 128 bytes of nibbles: x = d * scale * q - dmin * min
  Q4_K: {
    values: 256,
    bytes: 144,
    decode(bytes, at, out, start) {
      const d = half(bytes, at);
      const dmin = half(bytes, at + 2);
      for (let group = 0; group < 8; group++) {
        const scale = d * scaleOfGroup(bytes, at + 4, group);
        const min = dmin * minOfGroup(bytes, at + 4, group);
        const nibbles = at + 16 + (group >> 1) * 32;
        const shift = (group & 1) * 4;
        for (let j = 0; j < 32; j++)
          out[start + group * 32 + j] = scale * (((bytes[nibbles + j] as number) >> shift) & 15) - min;
      }
    },
  },
  // as Q4_K, with 32 bytes of fifth bits (bit g belongs to group g) before the nibbles
  Q5_K: {
    values: 256,
    bytes: 176,
    decode(bytes, at, out, start) {
      const d = half(bytes, at);
      const dmin = half(bytes, at + 2);
      for (let group = 0; group < 8; group++) {
        const scale = d * scaleOfGroup(bytes, at + 4, group);
        const min = dmin * minOfGroup(bytes, at + 4, group);
        const nibbles = at + 48 + (group >> 1) * 32;
        const shift = (group & 1) * 4;
        for (let j = 0; j < 32; j++) {
          const high = (((bytes[at + 16 + j] as number) >> group) & 1) << 4;
          out[start + group * 32 + j] = scale * ((((bytes[nibbles + j] as number) >> shift) & 15) | high) - min;
        }
      }
    },
  },
  // 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed scales, d f16: x = d * scale * (q - 32)
  Q6_K: {
    values: 256,
    bytes: 210,
    decode(bytes, at, out, start) {
      const d = half(bytes, at + 208);
      for (let i = 0; i < 256; i++) {
        const part = i >> 7; // two halves of 128 values
        const quarter = (i >> 5) & 3; // four runs of 32 in each half
        const j = i & 31;
        const low = bytes[at + part * 64 + (quarter & 1) * 32 + j] as number;
        const high = bytes[at + 128 + part * 32 + j] as number;
        const q = ((low >> ((quarter >> 1) * 4)) & 15) | (((high >> (quarter * 2)) & 3) << 4);
        out[start + i] = d * signed(bytes[at + 192 + (i >> 4)] as number) * (q - 32);
      }
    },
  },
};

function signed(byte: number): number {
  return (byte << 24) >> 24;
}

/** Bit `index` of the 32 at `position`, as the value 16 or 0. */
function fifthBit(bytes: Uint8Array, position: number, index: number): number {
  return (((bytes[position + (index >> 3)] as number) >> (index & 7)) & 1) << 4;
}

/** The six-bit scale of a group: in the low bits of bytes 0-3, then split over bytes 8-11 and the top bits of bytes 0-3. */
function scaleOfGroup(bytes: Uint8Array, position: number, group: number): number {
  if (group < 4) return (bytes[position + group] as number) & 63;
  return ((bytes[position + group + 4] as number) & 15) | (((bytes[position + group - 4] as number) >> 6) << 4);
}

/** The six-bit minimum of a group: in bytes 4-7, then split over bytes 8-11 and the top bits of bytes 4-7. */
function minOfGroup(bytes: Uint8Array, position: number, group: number): number {
  if (group < 4) return (bytes[position + group + 4] as number) & 63;
  return ((bytes[position + group + 4] as number) >> 4) | (((bytes[position + group] as number) >> 6) << 4);
}

/** The 16-bit float at a byte position. */
function half(bytes: Uint8Array, position: number): number {
  return float16Value((bytes[position] as number) | ((bytes[position + 1] as number) << 8));
}
