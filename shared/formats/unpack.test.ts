import { describe, expect, test } from 'vitest';
import { uniform } from '../../test/support/random-base.ts';
import { dequantizeGguf } from './gguf-dequantize.ts';
import { ggufPacking, splitGgufBlocks } from './gguf-blocks.ts';
import { float16ToFloat32 } from './half.ts';
import { dynamicValues, nf4Values, packNf4 } from './nf4.ts';
import { packBlocks } from './pack-blocks.ts';
import { packingName, type Packing } from './packing.ts';
import { unpack, type PackedBytes } from './unpack.ts';

/** Normal numbers, row after row of another size. */
function normal(count: number, seed = 1): Float32Array {
  const random = uniform(seed);
  return Float32Array.from({ length: count }, (_, i) => {
    const size = 0.5 + ((i >> 10) % 7);
    return size * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  });
}

const bytesOf = (values: Float32Array | Uint16Array): Uint8Array => new Uint8Array(values.buffer);

function distance(a: Float32Array, b: Float32Array): number {
  let [squares, size] = [0, 0];
  for (const [i, x] of a.entries()) {
    squares += (x - (b[i] ?? Number.NaN)) ** 2;
    size += x * x;
  }
  return Math.sqrt(squares / size);
}

function packed(values: Float32Array, change: (codes: Uint8Array) => Uint8Array = (codes) => codes) {
  const { packing, codes, scales, nestedScales } = packNf4(values);
  const parts: PackedBytes[] = [
    { dtype: 'U8', bytes: change(codes) },
    { dtype: 'U8', bytes: scales },
    { dtype: 'F32', bytes: bytesOf(nestedScales) },
    { dtype: 'F32', bytes: bytesOf(dynamicValues) },
  ];
  return { packing, parts };
}

describe('NF4', () => {
  const values = normal(64 * 600);

  test('changes normal numbers by what is known of it, and no value by more than half a gap', () => {
    const { packing, parts } = packed(values);
    const back = unpack(packing, parts);
    expect(distance(values, back)).toBeGreaterThan(0.089);
    expect(distance(values, back)).toBeLessThan(0.094);
    const gap = Math.max(...Array.from(nf4Values.slice(1), (value, i) => value - (nf4Values[i] ?? 0)));
    for (let block = 0; block < 600; block++) {
      const own = values.subarray(block * 64, block * 64 + 64);
      const largest = Math.max(...own.map(Math.abs));
      // the scale itself is rounded to one of 256 steps, none wider than 1/64 of the spread of all scales
      for (const [i, value] of own.entries())
        expect(Math.abs(value - (back[block * 64 + i] ?? Number.NaN))).toBeLessThan((gap / 2) * largest + 0.3);
    }
  });

  test('keeps zeros, and packs its own values without loss', () => {
    const zeros = new Float32Array(128);
    const { packing, parts } = packed(zeros);
    expect(unpack(packing, parts)).toEqual(zeros);
    const own = Float32Array.from({ length: 256 }, (_, i) => 3 * (nf4Values[i % 16] ?? 0));
    const again = packed(own);
    expect(distance(own, unpack(again.packing, again.parts))).toBeLessThan(1e-6);
  });

  test('codes whose halves are swapped are far from it', () => {
    const { packing, parts } = packed(values, (codes) => codes.map((byte) => ((byte & 15) << 4) | (byte >> 4)));
    expect(distance(values, unpack(packing, parts))).toBeGreaterThan(1);
  });

  test('has tables of 16 and 256 rising values between -1 and 1', () => {
    for (const [table, size] of [
      [nf4Values, 16],
      [dynamicValues, 256],
    ] as const) {
      expect(table).toHaveLength(size);
      expect([...table]).toEqual([...new Set(table)].toSorted((a, b) => a - b));
      expect([table.at(-1), table.includes(0)]).toEqual([1, true]);
    }
  });
});

describe.each([32, 64])('blocks of %i with scale and zero', (blockSize) => {
  const values = normal(64 * 300, 2);
  const { packing, codes, scales, zeros } = packBlocks(values, blockSize);
  const steps = float16ToFloat32(scales);
  const back = (parts: { codes?: Uint8Array; zeros?: Uint8Array } = {}, as: Packing = packing): Float32Array =>
    unpack(as, [
      { dtype: 'U8', bytes: parts.codes ?? codes },
      { dtype: 'F16', bytes: bytesOf(scales) },
      { dtype: 'U8', bytes: parts.zeros ?? zeros },
    ]);

  test('change no value by more than one step, most by half of one, and keep zero', () => {
    const found = back();
    let beyondHalf = 0;
    for (const [i, value] of values.entries()) {
      const step = steps[Math.floor(i / blockSize)] ?? Number.NaN;
      const error = Math.abs(value - (found[i] ?? Number.NaN));
      expect(error).toBeLessThan(step * 1.01);
      if (error > step * 0.501) beyondHalf++;
    }
    // the ends of a block, where its zero was rounded the other way
    expect(beyondHalf / values.length).toBeLessThan(0.02);
    const few = Float32Array.from({ length: blockSize }, (_, i) => (i % 3 === 0 ? 0 : i / 7));
    const one = packBlocks(few, blockSize);
    const parts: PackedBytes[] = [
      { dtype: 'U8', bytes: one.codes },
      { dtype: 'F16', bytes: bytesOf(one.scales) },
      { dtype: 'U8', bytes: one.zeros },
    ];
    for (const [i, value] of unpack(one.packing, parts).entries()) if (few[i] === 0) expect(value).toBe(0);
  });

  test('another zero, or codes in another order, are far from it', () => {
    expect(distance(values, back())).toBeLessThan(0.12);
    expect(distance(values, back({ zeros: zeros.map((zero) => zero + 1) }))).toBeGreaterThan(0.25);
    const swapped = codes.map((byte) => ((byte & 15) << 4) | (byte >> 4));
    expect(distance(values, back({ codes: swapped }))).toBeGreaterThan(1);
  });
});

describe('blocks of GGUF', () => {
  const blockBytes = { Q4_0: 18, Q4_1: 20, Q8_0: 34 } as const;

  test.each(Object.entries(blockBytes))('of %s hold the bits that ggml makes of them', (type, size) => {
    const random = uniform(3);
    const bytes = Uint8Array.from({ length: size * 50 }, () => Math.floor(random() * 256));
    for (let block = 0; block < 50; block++)
      for (const at of type === 'Q4_1' ? [1, 3] : [1]) {
        const place = block * size + at;
        bytes[place] = ((bytes[place] ?? 0) & 0x83) | 0x20; // exponents of ordinary numbers
      }
    const { codes, scales, mins } = splitGgufBlocks(type, bytes);
    const packing = ggufPacking(type);
    if (!packing) throw new Error('it is known');
    const parts: PackedBytes[] = [
      { dtype: packing.bits === 4 ? 'U8' : 'I8', bytes: codes },
      { dtype: 'F16', bytes: scales },
      ...(mins ? [{ dtype: 'F16' as const, bytes: mins }] : []),
    ];
    expect(unpack(packing, parts)).toEqual(dequantizeGguf(type, bytes));
    expect(packingName(packing)).toBe(type);
  });

  test('with a scale that is no number are refused, and other kinds are not known', () => {
    const bytes = new Uint8Array(18).fill(0xff);
    expect(() => splitGgufBlocks('Q4_0', bytes)).toThrow(/no finite number/);
    expect(ggufPacking('Q4_K')).toBeUndefined();
  });
});
