/**
 * Exact conversion between 32-bit floats and the two 16-bit floats (IEEE 754 binary16, and bfloat16 = the upper half
 * of binary32). Narrowing rounds to the nearest, ties to even; NaN stays NaN with its quiet bit set, so that a payload
 * that would be cut off can never turn it into infinity. Both work on bits: going through JS numbers may alter NaNs.
 */

/** Rounds `source` to bfloat16 bits, nearest even; values beyond the largest finite bfloat16 become infinity. */
export function float32ToBfloat16(source: Float32Array, target = new Uint16Array(source.length)): Uint16Array {
  checkLengths(source, target);
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i] as number;
    target[i] = (b & 0x7fffffff) > 0x7f800000 ? (b >>> 16) | 0x40 : (b + 0x7fff + ((b >>> 16) & 1)) >>> 16;
  }
  return target;
}

/** Widens bfloat16 bits to the float32 of the same value (exact). */
export function bfloat16ToFloat32(
  source: Uint16Array,
  target: Float32Array = new Float32Array(source.length),
): Float32Array {
  checkLengths(source, target);
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < source.length; i++) bits[i] = (source[i] as number) << 16;
  return target;
}

/** Rounds `source` to binary16 bits, nearest even, subnormals included; from 65520 on the result is infinity. */
export function float32ToFloat16(source: Float32Array, target = new Uint16Array(source.length)): Uint16Array {
  checkLengths(source, target);
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i] as number;
    const sign = (b >>> 16) & 0x8000;
    const magnitude = b & 0x7fffffff;
    // 0x38800000 = 2^-14, the smallest normal; 0x477ff000 = 65520, half-way between the largest finite value and 2^16.
    if (magnitude >= 0x38800000 && magnitude < 0x477ff000)
      target[i] = sign | ((magnitude - 0x38000000 + 0x0fff + ((magnitude >>> 13) & 1)) >>> 13);
    else target[i] = sign | float16BitsOutsideNormals(magnitude);
  }
  return target;
}

/** Widens binary16 bits to the float32 of the same value (exact). */
export function float16ToFloat32(
  source: Uint16Array,
  target: Float32Array = new Float32Array(source.length),
): Float32Array {
  checkLengths(source, target);
  const table = (float32BitsOfFloat16 ??= buildFloat16Table());
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < source.length; i++) bits[i] = table[source[i] as number] as number;
  return target;
}

/** The value of one binary16 pattern (0 to 65535), for data in which they stand scattered. */
export function float16Value(pattern: number): number {
  const table = (float32OfFloat16 ??= new Float32Array((float32BitsOfFloat16 ??= buildFloat16Table()).buffer));
  return table[pattern] as number;
}

function checkLengths(source: ArrayLike<number>, target: ArrayLike<number>): void {
  if (target.length !== source.length)
    throw new RangeError(`target holds ${target.length} values, source holds ${source.length}`);
}

function float16BitsOutsideNormals(magnitude: number): number {
  if (magnitude > 0x7f800000) return 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  if (magnitude >= 0x477ff000) return 0x7c00;
  // Subnormals count in units of 2^-24: value = mantissa * 2^(exponent - 150), so shift right by 126 - exponent.
  const shift = 126 - (magnitude >>> 23);
  if (shift > 24) return 0;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const floor = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (floor & 1) === 1) ? floor + 1 : floor;
}

let float32BitsOfFloat16: Uint32Array<ArrayBuffer> | undefined;
let float32OfFloat16: Float32Array | undefined;

function buildFloat16Table(): Uint32Array<ArrayBuffer> {
  const table = new Uint32Array(65536);
  const value = new Float32Array(1);
  const valueBits = new Uint32Array(value.buffer);
  for (let h = 0; h < 65536; h++) {
    const exponent = (h >>> 10) & 0x1f;
    const mantissa = h & 0x3ff;
    let bits = ((exponent + 112) << 23) | (mantissa << 13);
    if (exponent === 31) bits = 0x7f800000 | (mantissa << 13);
    if (exponent === 0) {
      value[0] = mantissa * 2 ** -24;
      bits = valueBits[0] as number;
    }
    table[h] = ((h & 0x8000) << 16) | bits;
  }
  return table;
}
