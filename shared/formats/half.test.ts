import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bfloat16ToFloat32, float16ToFloat32, float16Value, float32ToBfloat16, float32ToFloat16 } from './half.ts';

const every16BitPattern = Uint16Array.from({ length: 65536 }, (_, i) => i);
const f32 = (...values: number[]): Float32Array => Float32Array.from(values);
const fromBits = (...bits: number[]): Float32Array => new Float32Array(Uint32Array.from(bits).buffer);

const formats = [
  {
    name: 'bfloat16',
    narrow: float32ToBfloat16,
    widen: bfloat16ToFloat32,
    infinity: 0x7f80,
    quiet: 0x40,
    value: (h: number): number => {
      const exponent = (h >>> 7) & 0xff;
      const fraction = (h & 0x7f) / 128;
      const magnitude = exponent === 0 ? fraction * 2 ** -126 : (1 + fraction) * 2 ** (exponent - 127);
      return h & 0x8000 ? -magnitude : magnitude;
    },
  },
  {
    name: 'float16',
    narrow: float32ToFloat16,
    widen: float16ToFloat32,
    infinity: 0x7c00,
    quiet: 0x200,
    value: (h: number): number => {
      const exponent = (h >>> 10) & 0x1f;
      const fraction = (h & 0x3ff) / 1024;
      const magnitude = exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
      return h & 0x8000 ? -magnitude : magnitude;
    },
  },
];

describe.each(formats)('$name', ({ narrow, widen, infinity, quiet, value }) => {
  const isNan = (h: number): boolean => (h & 0x7fff) > infinity;

  it('widens every finite pattern to the value its definition gives', () => {
    const wide = widen(every16BitPattern);
    const wrong = [...every16BitPattern].filter((h) => (h & 0x7fff) < infinity && !Object.is(wide[h], value(h)));
    expect(wrong).toEqual([]);
    expect(wide[infinity]).toBe(Infinity);
    expect(wide[infinity | 0x8000]).toBe(-Infinity);
  });

  it('brings every pattern back unchanged, but for NaNs, which come back quiet', () => {
    const back = narrow(widen(every16BitPattern));
    const wrong = [...every16BitPattern].filter((h) => back[h] !== (isNan(h) ? h | quiet : h));
    expect(wrong).toEqual([]);
  });

  it('rounds the midpoint between any two neighbours to the even one, and anything off it to the nearer one', () => {
    const below = every16BitPattern.filter((h) => (h & 0x7fff) < infinity - 1);
    const low = widen(below);
    const high = widen(below.map((h) => h + 1));
    // Both neighbours carry at most 11 significant bits, so their mean is exact in float32.
    const middle = low.map((x, i) => x + ((high[i] as number) - x) / 2);
    const ulp = new Uint32Array(middle.slice().buffer);
    const towardsLow = new Float32Array(ulp.map((b) => b - 1).buffer);
    const towardsHigh = new Float32Array(ulp.map((b) => b + 1).buffer);
    expect(narrow(middle)).toEqual(below.map((h) => (h & 1 ? h + 1 : h)));
    expect(narrow(towardsHigh)).toEqual(below.map((h) => h + 1));
    // The midpoint above zero may itself be zero's neighbour; one step lower is still nearer to the lower one.
    expect(narrow(towardsLow)).toEqual(below);
  });

  it('overflows to infinity from half a step above the largest finite value, and not before', () => {
    const largest = value(infinity - 1);
    const threshold = largest + (largest - value(infinity - 2)) / 2;
    const at = f32(threshold, -threshold);
    const justBelow = new Float32Array(new Uint32Array(at.slice().buffer).map((b) => b - 1).buffer);
    expect([...narrow(at)]).toEqual([infinity, infinity | 0x8000]);
    expect([...narrow(justBelow)]).toEqual([infinity - 1, (infinity - 1) | 0x8000]);
    expect([...narrow(f32(Infinity, -Infinity, 3.4028234663852886e38))]).toEqual([
      infinity,
      infinity | 0x8000,
      infinity,
    ]);
  });

  it('keeps NaN a NaN whatever its payload', () => {
    const narrowed = narrow(fromBits(0x7f800001, 0xff800001, 0x7fffffff, 0x7fc00000));
    expect([...narrowed].every(isNan)).toBe(true);
    expect([...narrowed].every((h) => (h & quiet) !== 0)).toBe(true);
  });

  it('keeps the sign of zero and of values too small to represent', () => {
    expect([...narrow(f32(0, -0))]).toEqual([0, 0x8000]);
    expect([...narrow(fromBits(1, 0x80000001))]).toEqual([0, 0x8000]);
  });

  it('picks a nearest pattern for any float32 (property)', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (x) => {
        const h = narrow(f32(x))[0] as number;
        if ((h & 0x7fff) === infinity) return;
        const error = Math.abs(value(h) - x);
        const magnitude = h & 0x7fff;
        const neighbours = [magnitude - 1, magnitude + 1].filter((m) => m >= 0 && m < infinity);
        for (const m of neighbours) expect(error).toBeLessThanOrEqual(Math.abs(value(m | (h & 0x8000)) - x));
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses a target of another length', () => {
    expect(() => narrow(new Float32Array(2), new Uint16Array(1))).toThrow(RangeError);
    expect(() => widen(new Uint16Array(2), new Float32Array(3))).toThrow(RangeError);
  });

  it('fills the target it is given, views with an offset included', () => {
    const target = new Uint16Array(8).subarray(3, 5);
    const source = new Float32Array([9, 1, -2, 9]).subarray(1, 3);
    expect(narrow(source, target)).toBe(target);
    expect([...widen(target)]).toEqual([1, -2]);
  });
});

describe('float16Value', () => {
  it('gives every pattern the value that widening an array gives', () => {
    const wide = float16ToFloat32(every16BitPattern);
    expect([...every16BitPattern].filter((h) => !Object.is(float16Value(h), wide[h]))).toEqual([]);
  });
});
