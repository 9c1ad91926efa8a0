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

/** What is wrong with the orders of the first epochs of a mixture; empty: nothing. */
function faultsOf(parts: readonly MixedPart[], orders: readonly Int32Array[]): string[] {
  const faults = new Set<string>();
  for (const [epoch, order] of orders.entries()) {
    if (order.length !== rowsOfEpoch(parts, epoch)) faults.add('an epoch of another length');
    const totals = parts.map((_, i) => order.filter((row) => partOf(parts, row) === i).length);
    const seen = parts.map(() => 0);
    for (const [k, row] of order.entries()) {
      const own = partOf(parts, row);
      seen[own] = (seen[own] ?? 0) + 1;
      for (const [i, count] of seen.entries())
        if (Math.abs(count - (k + 1) * ((totals[i] ?? 0) / order.length)) > 1 + 0.5 * parts.length)
          faults.add('not spread evenly');
    }
  }
  const times = new Map<number, number>();
  for (const row of orders.flatMap((order) => [...order])) times.set(row, (times.get(row) ?? 0) + 1);
  let start = 0;
  for (const [i, { rows, weight }] of parts.entries()) {
    const counts = Array.from({ length: rows }, (_, row) => times.get(start + row) ?? 0);
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (Math.abs(total - orders.length * weight * (parts[0]?.rows ?? 0)) >= 1) faults.add('not in its weight');
    if (Math.max(...counts) - Math.min(...counts) > (i === 0 ? 0 : 1)) faults.add('rows read unequally often');
    start += rows;
  }
  return [...faults];
}

const ordersOf = (epochs: number, order: (epoch: number) => Int32Array): Int32Array[] =>
  Array.from({ length: epochs }, (_, epoch) => order(epoch));

test('whatever the seed, each dataset comes in its share, evenly, in its weight over all epochs, the first once in each', () => {
  fc.assert(
    fc.property(mixtures, fc.nat(), fc.integer({ min: 1, max: 6 }), (parts, seed, epochs) => {
      expect(
        faultsOf(
          parts,
          ordersOf(epochs, (epoch) => mixedOrder(parts, seed, epoch)),
        ),
      ).toEqual([]);
    }),
  );
});

test('orders with a planted fault are told apart from it', () => {
  const parts = [
    { rows: 30, weight: 1 },
    { rows: 40, weight: 0.5 },
  ];
  const own = (epoch: number): Int32Array => mixedOrder(parts, 1, epoch);
  const behindOneAnother = ordersOf(4, (epoch) => own(epoch).toSorted((a, b) => partOf(parts, a) - partOf(parts, b)));
  expect(faultsOf(parts, behindOneAnother)).toEqual(['not spread evenly']);
  // the others begin anew with each epoch: some of their rows are never read
  expect(
    faultsOf(
      parts,
      ordersOf(4, () => own(0)),
    ),
  ).toEqual(['rows read unequally often']);
  const weightless = parts.map((each) => ({ ...each, weight: 1 }));
  expect(
    faultsOf(
      parts,
      ordersOf(4, (epoch) => mixedOrder(weightless, 1, epoch)),
    ),
  ).toEqual(['an epoch of another length', 'not in its weight']);
  const oneTwice = (epoch: number): Int32Array => own(epoch).map((row) => (row === 1 ? 0 : row));
  expect(faultsOf(parts, ordersOf(4, oneTwice))).toEqual(['rows read unequally often']);
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
