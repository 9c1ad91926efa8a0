import { expect, test } from 'vitest';
import { decodeToFloat32 } from './dtype.ts';
import { scanFloats } from './scan-floats.ts';

test.each(['F16', 'BF16'] as const)('every one of the 65,536 values of %s is judged as its number is', (dtype) => {
  for (let pattern = 0; pattern < 65_536; pattern++)
    for (const place of [0, 1, 2]) {
      const values = new Uint16Array(3);
      values[place] = pattern;
      const bytes = new Uint8Array(values.buffer);
      const value = decodeToFloat32(dtype, bytes)[place] as number;
      const { zero, nonFiniteAt } = scanFloats(dtype, bytes);
      if (zero !== (value === 0) || nonFiniteAt !== (Number.isFinite(value) ? undefined : place))
        expect({ pattern, place, zero, nonFiniteAt }).toBe('judged rightly');
    }
});

test.each(['F32', 'F64'] as const)('values of %s are judged as numbers are', (dtype) => {
  const special = [0, -0, 1, -1, 1e-45, 5e-324, 3.4e38, Infinity, -Infinity, Number.NaN, 2 ** -126];
  for (const number of special)
    for (const place of [0, 1, 4]) {
      const values = dtype === 'F32' ? new Float32Array(5) : new Float64Array(5);
      values[place] = number;
      const value = values[place];
      expect(scanFloats(dtype, new Uint8Array(values.buffer))).toEqual({
        zero: value === 0,
        ...(Number.isFinite(value) ? {} : { nonFiniteAt: place }),
      });
    }
});

test('the first of several is told, and nothing at all is zero', () => {
  const values = Float32Array.from([1, Number.NaN, Infinity]);
  expect(scanFloats('F32', new Uint8Array(values.buffer)).nonFiniteAt).toBe(1);
  for (const dtype of ['F16', 'BF16', 'F32', 'F64'] as const)
    expect(scanFloats(dtype, new Uint8Array(0))).toEqual({ zero: true });
});
