import { dtypeBytes, type FloatDtype } from './dtype.ts';

/** What a run of stored floats holds, told from their bits alone. */
export interface FloatScan {
  /** Whether every value is +0 or -0. */
  readonly zero: boolean;
  /** Index of the first NaN or infinity; undefined: there is none. */
  readonly nonFiniteAt?: number;
}

/**
 * Looks at little-endian values without decoding them, four bytes at a time; `bytes` begins at a multiple of 4 of its buffer.
 * A value is NaN or infinite where all bits of its exponent are set: adding one to them then carries into the sign.
 */
export function scanFloats(dtype: FloatDtype | 'F64', bytes: Uint8Array): FloatScan {
  const { exponent, one, carry, magnitude } = layouts[dtype];
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
  // an odd number of 16-bit values leaves one
  const rest = bytes.byteLength % 4 === 0 ? 0 : (bytes.at(-2) as number) | ((bytes.at(-1) as number) << 8);
  let seen = rest & magnitude;
  let carried = (rest & exponent) + one;
  if (dtype === 'F64')
    for (let i = 0; i < words.length; i += 2) {
      const high = words[i + 1] as number;
      seen |= (words[i] as number) | (high & magnitude);
      carried |= (high & exponent) + one;
    }
  else
    for (let i = 0; i < words.length; i++) {
      const word = words[i] as number;
      seen |= word & magnitude;
      carried |= (word & exponent) + one;
    }
  const nonFiniteAt = (carried & carry) === 0 ? -1 : firstNonFinite(dtype, bytes);
  return { zero: seen === 0, ...(nonFiniteAt < 0 ? {} : { nonFiniteAt }) };
}

/** Masks over the upper (or only) word of a value, or over a word of two values. */
const layouts = {
  F64: { exponent: 0x7ff00000, one: 0x00100000, carry: 0x80000000, magnitude: 0x7fffffff },
  F32: { exponent: 0x7f800000, one: 0x00800000, carry: 0x80000000, magnitude: 0x7fffffff },
  BF16: { exponent: 0x7f807f80, one: 0x00800080, carry: 0x80008000, magnitude: 0x7fff7fff },
  F16: { exponent: 0x7c007c00, one: 0x04000400, carry: 0x80008000, magnitude: 0x7fff7fff },
} as const;

/** The exponent of every type lies in the upper 16 bits of a value. */
function firstNonFinite(dtype: FloatDtype | 'F64', bytes: Uint8Array): number {
  const width = dtypeBytes(dtype);
  const exponent = layouts[dtype].exponent >>> 16;
  for (let end = width; end <= bytes.byteLength; end += width) {
    const upper = ((bytes[end - 1] as number) << 8) | (bytes[end - 2] as number);
    if ((upper & exponent) === exponent) return end / width - 1;
  }
  return -1;
}
