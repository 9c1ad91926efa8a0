import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { uniform } from '../../test/support/random-base.ts';
import { decodeToFloat32, encodeFromFloat32, type FloatDtype } from '../../shared/formats/dtype.ts';
import { checkBlock, newBlockCheck, updateSlack, type BlockCheck } from './check-block.ts';
import { createMergeProducts } from './merge-products.ts';
import { roundings, type Rounding } from './rounding.ts';
import { blocksOf } from './tensor-blocks.ts';

const dtypes: readonly FloatDtype[] = ['F32', 'BF16', 'F16'];
const stored = (dtype: FloatDtype, values: Float32Array): Float32Array =>
  decodeToFloat32(dtype, encodeFromFloat32(dtype, values)).slice();

function check(dtype: FloatDtype, W: Float32Array, written: Float32Array, update?: Float32Array): BlockCheck {
  const sums = newBlockCheck();
  checkBlock(sums, { W, written, update, rowLength: W.length }, roundings[dtype] as Rounding);
  return sums;
}

/** The neighbour of a stored value, one unit in the last place further from zero. */
function neighbour(dtype: FloatDtype, value: number): number {
  const bytes = encodeFromFloat32(dtype, Float32Array.of(value)).slice();
  const bits = dtype === 'F32' ? new Uint32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
  bits[0] = (bits[0] as number) + 1;
  return decodeToFloat32(dtype, bytes)[0] as number;
}

describe.each(dtypes)('values stored as %s', (dtype) => {
  const sizes = fc.integer({ min: -44, max: 14 }).map((exponent) => 2 ** exponent);

  test('pass when they are rounded to the nearest, whatever their size', () => {
    fc.assert(
      fc.property(sizes, sizes, fc.nat(), (sizeOfW, sizeOfUpdate, seed) => {
        const random = uniform(seed);
        const W = Float32Array.from({ length: 20 }, () => sizeOfW * (2 * random() - 1));
        const update = Float32Array.from({ length: 20 }, () => sizeOfUpdate * (2 * random() - 1));
        const sum = W.map((w, i) => w + (update[i] as number));
        const { faults, maxError, bound } = check(dtype, W, stored(dtype, sum), update);
        if (dtype === 'F32') expect(faults).toBe(0);
        // rounded to float32 first, as products are, a value that stands half-way may be tipped over
        else expect(maxError).toBeLessThanOrEqual(bound * (1 + 2 ** -12));
      }),
    );
  });

  test('fail one unit away from the nearest', () => {
    const random = uniform(4);
    const W = stored(
      dtype,
      Float32Array.from({ length: 400 }, () => 2 * random() - 1),
    );
    // up to a third of a unit in the last place: the nearest stored value is W itself, and by far
    const update = W.map((w) => (random() - 0.5) * (2 / 3) * Math.abs(neighbour(dtype, w) - w) * 0.99);
    expect(check(dtype, W, W, update).faults).toBe(0);
    const away = W.map((w) => neighbour(dtype, w));
    expect(check(dtype, W, away, update).faults).toBe(W.length);
  });

  test('fail when they are no numbers', () => {
    for (const wrong of [Number.NaN, Infinity, -Infinity])
      expect(check(dtype, Float32Array.of(1, 2), Float32Array.of(1, wrong)).faults).toBe(1);
  });
});

test('a value that the type cannot hold is told apart from a wrong one, at the very bound', () => {
  for (const [dtype, largest] of [
    ['F16', 65_504],
    ['BF16', 2 ** 128 - 2 ** 120],
  ] as const) {
    const { overflow } = roundings[dtype] as Rounding;
    const sum = (W: number, written: number): number[] => {
      const { faults, unstorable } = check(dtype, Float32Array.of(W), Float32Array.of(written));
      return [faults, unstorable];
    };
    expect(stored(dtype, Float32Array.of(overflow))[0]).toBe(Infinity);
    expect(sum(overflow, Infinity)).toEqual([0, 1]);
    expect(sum(Math.fround(overflow * (1 - 2 ** -20)), largest)).toEqual([0, 0]);
    expect(sum(largest, Infinity)).toEqual([1, 0]);
    expect(sum(Number.NaN, Number.NaN)).toEqual([0, 1]);
  }
});

test('what is left of an update is measured', () => {
  const W = Float32Array.of(1, 1);
  const sums = check('BF16', W, Float32Array.of(1.0078125, 1), Float32Array.of(0.006, 0.002));
  expect(sums.faults).toBe(0);
  expect(Math.sqrt(sums.change / sums.update)).toBeCloseTo(0.0078125 / Math.hypot(0.006, 0.002), 6);
  expect(Math.sqrt(sums.lost)).toBeCloseTo(Math.hypot(0.0018125, 0.002), 6);
});

test('the float32 product stays within the slack, and a wrong one does not', async () => {
  const products = createMergeProducts(1);
  for (const [rows, inFeatures, r] of [
    [7, 33, 1],
    [64, 48, 16],
    [5, 700, 300],
  ] as const) {
    const random = uniform(r);
    const values = (count: number): Float32Array => Float32Array.from({ length: count }, () => 2 * random() - 1);
    const block = { rows, inFeatures, r, scaling: 0.37, A: values(r * inFeatures), B: values(rows * r) };
    const update = await products.update(block);
    const slack = updateSlack(block);
    let largest = 0;
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < inFeatures; column++) {
        let dot = 0;
        for (let k = 0; k < r; k++)
          dot += (block.B[row * r + k] as number) * (block.A[k * inFeatures + column] as number);
        const error = Math.abs((update[row * inFeatures + column] as number) - block.scaling * dot);
        largest = Math.max(largest, error / slack.ofUpdate(row, column));
      }
    expect(largest).toBeLessThan(0.5);
  }
  await products.close();
});

test('blocks are whole rows that cover a tensor without overlap', () => {
  for (const shape of [[], [5], [3_000_000], [300_000, 7], [2, 3_000_000], [0, 4]]) {
    const rowLength = shape.slice(1).reduce((product, n) => product * n, 1);
    let next = 0;
    for (const { start, length } of blocksOf(shape)) {
      expect([start, length % rowLength]).toEqual([next, 0]);
      next = start + length;
    }
    expect(next).toBe(shape.reduce((product, n) => product * n, 1));
  }
});
