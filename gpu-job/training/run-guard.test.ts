import { expect, test } from 'vitest';
import { bestAfter, isSpike, normsAfter, type BestSeen } from './run-guard.ts';

test('the best evaluation is the lowest, of equal ones the first, and those since are counted', () => {
  let best: BestSeen | undefined;
  const seen = [3, 2, 2, 2.5, 1, 1.5].map((loss, step) => (best = bestAfter(best, { step, loss })));
  expect(seen.map(({ step, since }) => [step, since])).toEqual([
    [0, 0],
    [1, 0],
    [1, 1],
    [1, 2],
    [4, 0],
    [4, 1],
  ]);
  expect(bestAfter({ step: 1, loss: 2, since: 0 }, { step: 2, loss: NaN })).toMatchObject({ step: 1 });
});

test('a gradient is a spike above so many times the median, once enough are known', () => {
  const norms = [1, 2, 1, 2, 1, 2, 1, 2]; // median 2
  expect(isSpike(norms, 10, 5)).toBe(false);
  expect(isSpike(norms, 10.01, 5)).toBe(true);
  expect(isSpike(norms.slice(1), 1e9, 5)).toBe(false);
  expect(isSpike([], NaN, 5)).toBe(true);
  expect(isSpike([], Infinity, 5)).toBe(true);
});

test('the last 32 norms are kept', () => {
  let norms: readonly number[] = [];
  for (let i = 0; i < 40; i++) norms = normsAfter(norms, i);
  expect(norms).toHaveLength(32);
  expect(norms[0]).toBe(8);
});
