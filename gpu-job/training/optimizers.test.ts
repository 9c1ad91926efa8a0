import { expect, test } from 'vitest';
import { loraPlusFactors } from './lora-plus.ts';
import { clipScale, createAdamW, globalNorm } from './optimizers.ts';

const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 };
const matrix = [{ name: 'w', shape: [2, 2] }];

test('three updates of a quadratic agree with the formula worked out by hand in double precision', () => {
  const adam = createAdamW(matrix, options);
  const values = new Map([['w', Float32Array.of(1, -2, 0.5, 3)]]);
  const target = [0.5, 0.5, 0.5, 0.5];
  // the textbook form, with corrected moments
  const expected = [1, -2, 0.5, 3];
  const m = [0, 0, 0, 0];
  const v = [0, 0, 0, 0];
  for (let t = 1; t <= 3; t++) {
    const w = values.get('w') ?? new Float32Array();
    adam.update(values, new Map([['w', w.map((x, i) => 2 * (x - (target[i] ?? 0)))]]), 0.01);
    for (let i = 0; i < 4; i++) {
      const x = expected[i] as number; // four numbers
      const g = 2 * (x - 0.5);
      m[i] = 0.9 * (m[i] as number) + 0.1 * g;
      v[i] = 0.999 * (v[i] as number) + 0.001 * g * g;
      const [mHat, vHat] = [(m[i] as number) / (1 - 0.9 ** t), (v[i] as number) / (1 - 0.999 ** t)];
      expected[i] = x - 0.01 * 0.1 * x - (0.01 * mHat) / (Math.sqrt(vHat) + 1e-8);
    }
  }
  expect(adam.updates).toBe(3);
  for (const [i, x] of expected.entries()) expect(Math.abs((values.get('w')?.[i] ?? 0) - x)).toBeLessThan(3e-7);
});

test('vectors are not decayed, matrices are', () => {
  const parameters = [
    { name: 'norm', shape: [2] },
    { name: 'w', shape: [1, 2] },
  ];
  const adam = createAdamW(parameters, options);
  const zero = new Float32Array(2);
  const values = new Map(parameters.map(({ name }) => [name, Float32Array.of(1, 1)]));
  adam.update(values, new Map(parameters.map(({ name }) => [name, zero])), 0.5);
  expect(values.get('norm')).toEqual(Float32Array.of(1, 1));
  expect(values.get('w')).toEqual(Float32Array.of(0.95, 0.95));
});

test('groups have rates of their own, and a vector is decayed where it says so', () => {
  const parameters = [
    { name: 'A', shape: [1, 1] },
    { name: 'B', shape: [1, 1], group: 'B' as const },
    { name: 'm', shape: [1], group: 'B' as const, decays: true },
    { name: 'e', shape: [1, 1], group: 'embedding' as const },
  ];
  const rateFactors = loraPlusFactors({ loraPlusRatio: 4, loraPlusEmbeddingRate: 1e-3 }, 0.01);
  const adam = createAdamW(parameters, { ...options, weightDecay: 0.5, rateFactors });
  const values = new Map(parameters.map(({ name }) => [name, Float32Array.of(1)]));
  adam.update(values, new Map(parameters.map(({ name }) => [name, Float32Array.of(2)])), 0.01);
  // the first step of Adam is the rate itself, against the sign of the gradient
  for (const [name, rate] of Object.entries({ A: 0.01, B: 0.04, m: 0.04, e: 0.001 }))
    expect(values.get(name)?.[0], name).toBeCloseTo(1 - 0.5 * rate - rate, 6);
  expect(loraPlusFactors({}, 0.01)).toEqual({});
});

test('restored state goes on as if nothing had happened, bit for bit', () => {
  const gradient = (t: number): Map<string, Float32Array> =>
    new Map([['w', Float32Array.from({ length: 4 }, (_, i) => Math.sin(t * 4 + i))]]);
  const steady = createAdamW(matrix, options);
  const values = new Map([['w', Float32Array.of(1, -2, 0.5, 3)]]);
  for (let t = 0; t < 5; t++) steady.update(values, gradient(t), 0.01);
  const resumed = createAdamW(matrix, options);
  resumed.restore(steady.updates, steady.moments);
  const copy = new Map([['w', Float32Array.from(values.get('w') ?? [])]]);
  for (let t = 5; t < 9; t++) {
    steady.update(values, gradient(t), 0.01);
    resumed.update(copy, gradient(t), 0.01);
  }
  expect(copy).toEqual(values);
  expect(resumed.moments).toEqual(steady.moments);
  const forgetful = createAdamW(matrix, options);
  const other = new Map([['w', Float32Array.from(values.get('w') ?? [])]]);
  forgetful.update(other, gradient(9), 0.01);
  steady.update(values, gradient(9), 0.01);
  expect(other).not.toEqual(values); // without its state it goes elsewhere
});

test('clipping scales to the bound, leaves small gradients alone and can be switched off', () => {
  const gradients = new Map([
    ['a', Float32Array.of(3)],
    ['b', Float32Array.of(0, 4)],
  ]);
  expect(globalNorm(gradients)).toBe(5);
  expect(clipScale(5, 1)).toBe(1 / 5.000001);
  expect(clipScale(0.5, 1)).toBe(1);
  expect(clipScale(5, 0)).toBe(1);
  expect(globalNorm(new Map([['a', Float32Array.of(1, NaN)]]))).toBeNaN();
});
