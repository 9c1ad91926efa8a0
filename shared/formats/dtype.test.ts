import { describe, expect, it } from 'vitest';
import { decodeToFloat32, dtypeBytes, encodeFromFloat32, isDtype, shapeSize } from './dtype.ts';

describe('dtype', () => {
  it('refuses to decode integers and 8-bit floats by name', () => {
    for (const dtype of ['I64', 'BOOL', 'F8_E4M3', 'F4'] as const)
      expect(() => decodeToFloat32(dtype, new Uint8Array(8))).toThrow(new RegExp(`type ${dtype} cannot be computed`));
  });

  it('refuses a byte count that is not a whole number of values', () => {
    expect(() => decodeToFloat32('BF16', new Uint8Array(3))).toThrow(RangeError);
  });

  it('knows no types beyond those of the format, inherited object members included', () => {
    expect(['F32', 'toString', 'f32', '__proto__', ''].map(isDtype)).toEqual([true, false, false, false, false]);
  });

  it('gives the width of a value and the size of a shape', () => {
    expect([dtypeBytes('F64'), dtypeBytes('BF16'), dtypeBytes('BOOL'), dtypeBytes('F4')]).toEqual([8, 2, 1, 0.5]);
    expect([shapeSize([]), shapeSize([2, 3]), shapeSize([4, 0])]).toEqual([1, 6, 0]);
  });

  it.each(['F32', 'F16', 'BF16'] as const)('decodes what it encodes as %s, at any alignment', (dtype) => {
    const values = Float32Array.from([0, -0, 1, -2.5, 0.15625, Infinity, 1024]);
    const encoded = encodeFromFloat32(dtype, values);
    for (const shift of [0, 1, 2, 3]) {
      const moved = new Uint8Array(encoded.byteLength + shift);
      moved.set(encoded, shift);
      expect(decodeToFloat32(dtype, moved.subarray(shift))).toEqual(values);
    }
  });

  it('rounds F64 to the nearest float32', () => {
    const bytes = new Uint8Array(Float64Array.from([0.1, 1e300]).buffer);
    expect([...decodeToFloat32('F64', bytes)]).toEqual([Math.fround(0.1), Infinity]);
  });
});
