import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { denseDistance, denseNorm, denseProduct, denseSum, randomSum } from '../../test/support/random-sum.ts';
import { bestApproximation } from './best-approximation.ts';
import { cat } from './cat.ts';
import { distanceFromSum, relativeDistance } from './distance.ts';
import { linear } from './linear.ts';
import type { LowRank, WeightedSum } from './low-rank.ts';
import { combinations, findCombination } from './registry.ts';
import { svd } from './svd.ts';

/** |result - sum| / |sum|, everything written out. */
function writtenOut(result: LowRank, sum: WeightedSum): number {
  const truth = denseSum(sum);
  return denseDistance(denseProduct(result), truth) / denseNorm(truth);
}

const anySum = fc
  .record({
    inFeatures: fc.integer({ min: 3, max: 24 }),
    outFeatures: fc.integer({ min: 3, max: 24 }),
    seed: fc.nat(),
    updates: fc.array(
      fc.record({
        r: fc.integer({ min: 1, max: 5 }),
        weight: fc.double({ min: -2, max: 2, noNaN: true }).filter((w) => Math.abs(w) > 0.01),
        scaling: fc.double({ min: 0.1, max: 4, noNaN: true }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  })
  .map(({ inFeatures, outFeatures, seed, updates }) => randomSum(inFeatures, outFeatures, updates, seed));

describe('cat', () => {
  test('is the weighted sum, with negative weights and unequal ranks', () => {
    fc.assert(
      fc.property(anySum, (sum) => {
        expect(writtenOut(cat.exact(sum, {}), sum)).toBeLessThan(1e-6);
        expect(writtenOut(cat.peftCompatible(sum, 30, {}), sum)).toBeLessThan(1e-6);
      }),
    );
  });

  test('pads with zeros to the rank that PEFT gives every module', () => {
    const sum = randomSum(4, 3, [{ r: 1 }, { r: 2 }]);
    const { r, A, B } = cat.peftCompatible(sum, 5, {});
    expect([r, A.length, B.length]).toEqual([5, 20, 15]);
    expect([...A.subarray(12)].every((value) => value === 0)).toBe(true);
    expect([3, 4, 8, 9, 13, 14].every((i) => B[i] === 0)).toBe(true);
  });
});

describe('svd', () => {
  test('at the total rank is the weighted sum', () => {
    fc.assert(
      fc.property(anySum, (sum) => {
        expect(writtenOut(svd.exact(sum, { rank: 20 }), sum)).toBeLessThan(1e-5);
      }),
    );
  });

  test('leaves out exactly the smallest singular values', () => {
    const sum = randomSum(30, 20, [
      { r: 4, weight: 0.7, scaling: 2 },
      { r: 3, weight: -0.5 },
    ]);
    const { singularValues } = bestApproximation(sum, 7);
    expect(Math.hypot(...singularValues)).toBeCloseTo(denseNorm(denseSum(sum)), 4);
    for (let rank = 1; rank <= 7; rank++) {
      const { error } = distanceFromSum(svd.exact(sum, { rank }), sum);
      const lost = Math.hypot(...singularValues.subarray(rank));
      expect(Math.abs(error - lost)).toBeLessThan(1e-6 * Math.hypot(...singularValues));
    }
  });

  test('finds a sum that has a lower rank than its members together', () => {
    const one = randomSum(16, 12, [{ r: 3 }]);
    const twice = { ...one, updates: [...one.updates, ...one.updates] };
    expect(writtenOut(svd.exact(twice, { rank: 3 }), twice)).toBeLessThan(1e-6);
  });

  test('keeps the rank within what the matrix and the members can have', () => {
    expect(svd.exact(randomSum(3, 40, [{ r: 5 }]), { rank: 9 }).r).toBe(3);
    expect(svd.exact(randomSum(40, 30, [{ r: 2 }, { r: 1 }]), { rank: 9 }).r).toBe(3);
    expect(svd.exact(randomSum(40, 30, [{ r: 2 }, { r: 4 }]), {}).r).toBe(4);
  });

  test('multiplied each scaling twice in PEFT before 0.21', () => {
    const sum = randomSum(12, 10, [
      { r: 2, weight: 0.5, scaling: 2 },
      { r: 2, weight: 1.5, scaling: 0.5 },
    ]);
    const squared = {
      ...sum,
      updates: sum.updates.map((update) => ({ ...update, weight: update.weight * update.scaling })),
    };
    expect(writtenOut(svd.peftCompatible(sum, 4, {}), sum)).toBeLessThan(1e-6);
    expect(writtenOut(svd.peftCompatible(sum, 4, { peftRelease: '0.20' }), squared)).toBeLessThan(1e-6);
    expect(writtenOut(svd.peftCompatible(sum, 4, { peftRelease: '0.20' }), sum)).toBeGreaterThan(0.5);
  });

  test('gives PEFT rows of A of length one, and zeros beyond the rank of the sum', () => {
    const { A, B } = svd.peftCompatible(randomSum(6, 5, [{ r: 2 }]), 3, {});
    expect(Math.hypot(...A.subarray(0, 6))).toBeCloseTo(1, 6);
    expect([...A.subarray(12), B[2], B[5], B[14]].every((value) => value === 0)).toBe(true);
  });
});

describe('linear', () => {
  const two = randomSum(64, 48, [
    { r: 4, weight: 0.7, scaling: 2 },
    { r: 4, weight: 0.3 },
  ]);

  test('exact is as near to the sum as the rank of the members allows, PEFT is not', () => {
    const exact = writtenOut(linear.exact(two, {}), two);
    expect(exact).toBeCloseTo(writtenOut(svd.exact(two, { rank: 4 }), two), 6);
    expect(exact).toBeLessThan(0.3);
    expect(writtenOut(linear.peftCompatible(two, 4, {}), two)).toBeGreaterThan(0.5);
  });

  test('of PEFT adds the factors with the roots of their weights, the sign on A alone', () => {
    const sum = randomSum(2, 2, [
      { r: 1, weight: 4, scaling: 1 },
      { r: 1, weight: -0.5, scaling: 2 },
    ]);
    const [one, other] = sum.updates;
    const { A, B } = linear.peftCompatible(sum, 1, {});
    for (let i = 0; i < 2; i++) {
      expect(A[i]).toBeCloseTo(2 * (one?.A[i] as number) - (other?.A[i] as number), 6);
      expect(B[i]).toBeCloseTo(2 * (one?.B[i] as number) + (other?.B[i] as number), 6);
    }
  });

  test('of one member is that member times its weight, in both modes', () => {
    const one = randomSum(20, 10, [{ r: 3, weight: -0.7, scaling: 2 }]);
    expect(writtenOut(linear.exact(one, {}), one)).toBeLessThan(1e-6);
    expect(writtenOut(linear.peftCompatible(one, 3, {}), one)).toBeLessThan(1e-6);
  });
});

describe('every exact combination', () => {
  const equalRanks = randomSum(20, 14, [
    { r: 3, weight: 0.5 },
    { r: 3, weight: -1.25, scaling: 0.5 },
    { r: 3, weight: 0.25, scaling: 4 },
  ]);

  test.each(Object.values(combinations))('$name has the rank it announced', (combination) => {
    const { module, inFeatures, outFeatures, updates } = equalRanks;
    const shape = { module, inFeatures, outFeatures, ranks: updates.map((update) => update.r) };
    const result = combination.exact(equalRanks, {});
    expect(result.r).toBe(combination.exactRank(shape, {}));
    expect([result.A.length, result.B.length]).toEqual([result.r * inFeatures, outFeatures * result.r]);
  });

  test.each(Object.values(combinations))('$name does not depend on the order of the members', (combination) => {
    const turned = { ...equalRanks, updates: equalRanks.updates.toReversed() };
    const [a, b] = [combination.exact(equalRanks, {}), combination.exact(turned, {})].map((x) => denseProduct(x));
    if (a && b) expect(denseDistance(a, b)).toBeLessThan(1e-5 * denseNorm(a));
  });

  test.each(Object.values(combinations))('$name grows with its weights', (combination) => {
    const doubled = {
      ...equalRanks,
      updates: equalRanks.updates.map((update) => ({ ...update, weight: 2 * update.weight })),
    };
    const [once, twice] = [combination.exact(equalRanks, {}), combination.exact(doubled, {})].map((x) =>
      denseProduct(x),
    );
    if (once && twice)
      expect(
        denseDistance(
          once.map((value) => 2 * value),
          twice,
        ),
      ).toBeLessThan(1e-5 * denseNorm(twice));
  });

  test.each(Object.values(combinations))('$name of updates that do nothing does nothing', (combination) => {
    const idle = {
      ...equalRanks,
      updates: equalRanks.updates.map((update) => ({ ...update, B: update.B.map(() => 0) })),
    };
    const result = combination.exact(idle, {});
    expect(denseNorm(denseProduct(result))).toBe(0);
    expect(relativeDistance([distanceFromSum(result, idle)])).toBe(0);
  });
});

describe('the distance', () => {
  test('is what writing everything out gives', () => {
    fc.assert(
      fc.property(anySum, fc.integer({ min: 1, max: 4 }), (sum, rank) => {
        const result = svd.exact(sum, { rank });
        const measured = distanceFromSum(result, sum);
        const truth = denseSum(sum);
        expect(measured.norm).toBeCloseTo(denseNorm(truth), 8);
        expect(measured.error).toBeCloseTo(denseDistance(denseProduct(result), truth), 8);
      }),
    );
  });

  test('sees a wrong scale, a lost member and a transposed result', () => {
    const sum = randomSum(12, 12, [
      { r: 2, weight: 0.5, scaling: 2 },
      { r: 2, weight: 0.1 },
    ]);
    const right = cat.exact(sum, {});
    expect(relativeDistance([distanceFromSum(right, sum)])).toBeLessThan(1e-7);
    const scaled = { ...right, A: right.A.map((value) => 1.01 * value) };
    expect(relativeDistance([distanceFromSum(scaled, sum)])).toBeCloseTo(0.01, 6);
    const lost = cat.exact({ ...sum, updates: sum.updates.slice(0, 1) }, {});
    expect(relativeDistance([distanceFromSum(lost, sum)])).toBeGreaterThan(0.05);
    const transposed = { r: 2, A: right.B.slice(0, 24), B: right.A.slice(0, 24) };
    expect(relativeDistance([distanceFromSum(transposed, sum)])).toBeGreaterThan(0.5);
  });

  test('of several modules weighs each by its size', () => {
    const small = { error: 3, norm: 3, parts: 3 };
    const large = { error: 0, norm: 4, parts: 4 };
    expect(relativeDistance([small, large])).toBeCloseTo(0.6, 12);
    expect(relativeDistance([{ error: 1, norm: 0, parts: 1 }])).toBe(Infinity);
  });

  test('knows when the updates cancel', () => {
    const one = randomSum(9, 8, [{ r: 2 }]);
    const cancelled = {
      ...one,
      updates: [...one.updates, ...one.updates.map((update) => ({ ...update, weight: -1 }))],
    };
    const { norm, parts } = distanceFromSum(cat.exact(cancelled, {}), cancelled);
    expect(norm).toBeLessThan(1e-12 * parts);
  });
});

test('an unknown combination is refused with the names of the known ones', () => {
  expect(() => findCombination('ties')).toThrow('There is no combination "ties"; there are linear, cat, svd.');
  expect(() => findCombination('constructor')).toThrow('There is no combination');
});
