import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowsOfEpoch, type MixedPart } from '../../shared/domain/mixture.ts';
import { planRun } from './epochs.ts';
import { mixedOrder } from './mixed-order.ts';
import { randomStream, shuffledIndices } from './random.ts';

const part = fc.record({
  rows: fc.integer({ min: 1, max: 60 }),
  weight: fc.double({ min: 0.02, max: 4, noNaN: true }),
});
const mixtures = fc
  .tuple(fc.integer({ min: 1, max: 60 }), fc.array(part, { minLength: 1, maxLength: 4 }))
  .map(([rows, more]): MixedPart[] => [{ rows, weight: 1 }, ...more]);
const partOf = (parts: readonly MixedPart[], row: number): number => {
  let end = 0;
  return parts.findIndex(({ rows }) => row < (end += rows));
};

test('one dataset alone is read as it always was', () => {
  expect(mixedOrder([{ rows: 50, weight: 1 }], 7, 3)).toEqual(shuffledIndices(50, randomStream(7, 'shuffle', 3)));
});

test('whatever the seed, the start of an epoch holds each dataset in its share', () => {
  fc.assert(
    fc.property(mixtures, fc.nat(), fc.nat(5), (parts, seed, epoch) => {
      const order = mixedOrder(parts, seed, epoch);
      expect(order.length).toBe(rowsOfEpoch(parts, epoch));
      const totals = parts.map((_, i) => order.filter((row) => partOf(parts, row) === i).length);
      const seen = parts.map(() => 0);
      for (const [k, row] of order.entries()) {
        const own = partOf(parts, row);
        seen[own] = (seen[own] ?? 0) + 1;
        for (const [i, count] of seen.entries()) {
          const share = (totals[i] ?? 0) / order.length;
          expect(Math.abs(count - (k + 1) * share)).toBeLessThanOrEqual(1 + 0.5 * parts.length);
        }
      }
    }),
  );
});

test('over all epochs the weights hold to a row, the first is read once in each, and the others evenly', () => {
  fc.assert(
    fc.property(mixtures, fc.nat(), fc.integer({ min: 1, max: 6 }), (parts, seed, epochs) => {
      const times = new Map<number, number>();
      for (let epoch = 0; epoch < epochs; epoch++)
        for (const row of mixedOrder(parts, seed, epoch)) times.set(row, (times.get(row) ?? 0) + 1);
      let start = 0;
      for (const [i, { rows, weight }] of parts.entries()) {
        const counts = Array.from({ length: rows }, (_, row) => times.get(start + row) ?? 0);
        const total = counts.reduce((sum, count) => sum + count, 0);
        expect(Math.abs(total - epochs * weight * (parts[0]?.rows ?? 0))).toBeLessThan(1);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(i === 0 ? 0 : 1);
        start += rows;
      }
    }),
  );
});

test('a step of a mixture that is asked for late is the one that was planned, and lengths are counted in all three ways', () => {
  const parts = [
    { rows: 10, weight: 1 },
    { rows: 3, weight: 0.25 },
  ];
  const lengths = Array.from({ length: 13 }, () => 7);
  const options = { size: { rows: 4 }, seed: 1, parts } as const;
  const plan = planRun(lengths, { ...options, length: { epochs: 4 } });
  // 12, 13, 12 and 13 rows
  expect(plan.steps).toBe(3 + 4 + 3 + 4);
  const inOrder = Array.from({ length: plan.steps }, (_, i) => plan.stepAt(i));
  for (const i of [13, 2, 7])
    expect(planRun(lengths, { ...options, length: { epochs: 4 } }).stepAt(i)).toEqual(inOrder[i]);
  expect(planRun(lengths, { ...options, length: { tokens: 12 * 7 } }).steps).toBe(3);
  expect(planRun(lengths, { ...options, length: { tokens: 12 * 7 + 1 } }).steps).toBe(4);
});
