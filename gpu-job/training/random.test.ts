import fc from 'fast-check';
import { expect, test } from 'vitest';
import { namedStream, philox4x32, randomStream, shuffledIndices } from './random.ts';

const philox = (counter: readonly [number, number, number, number], key: readonly [number, number]): string => {
  const words = new Uint32Array(4);
  philox4x32(words, counter, ...key);
  return Array.from(words, (word) => word.toString(16).padStart(8, '0')).join(' ');
};
const ones = 0xffffffff;

test('philox gives the known answers of its authors (Random123, kat_vectors)', () => {
  expect(philox([0, 0, 0, 0], [0, 0])).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
  expect(philox([ones, ones, ones, ones], [ones, ones])).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd');
  expect(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toBe(
    'd16cfe09 94fdcceb 5001e420 24126ea1',
  );
});

test('uniform and normal numbers have the moments of their distributions', () => {
  const random = randomStream(7, 'sample');
  const count = 200_000;
  const moments = (draw: () => number): { mean: number; variance: number; fourth: number } => {
    const values = Array.from({ length: count }, draw);
    const mean = values.reduce((sum, x) => sum + x, 0) / count;
    const central = (k: number): number => values.reduce((sum, x) => sum + (x - mean) ** k, 0) / count;
    return { mean, variance: central(2), fourth: central(4) };
  };
  const uniform = moments(() => random.uniform());
  expect(Math.abs(uniform.mean - 1 / 2)).toBeLessThan(0.004);
  expect(Math.abs(uniform.variance - 1 / 12)).toBeLessThan(0.001);
  const normal = moments(() => random.normal());
  expect(Math.abs(normal.mean)).toBeLessThan(0.01);
  expect(Math.abs(normal.variance - 1)).toBeLessThan(0.02);
  expect(Math.abs(normal.fourth - 3)).toBeLessThan(0.15);
});

test('seed, purpose and both counters each give another stream, and the same ones the same stream', () => {
  const start = (...key: Parameters<typeof randomStream>): number => randomStream(...key).uniform();
  const all = [
    start(1, 'shuffle', 2, 3),
    start(2, 'shuffle', 2, 3),
    start(1, 'split', 2, 3),
    start(1, 'shuffle', 3, 3),
    start(1, 'shuffle', 2, 4),
    start(1, 'shuffle', 3, 2),
    namedStream(1, 'initial', 'a').uniform(),
    namedStream(1, 'initial', 'b').uniform(),
  ];
  expect(new Set(all).size).toBe(all.length);
  expect(start(1, 'shuffle', 2, 3)).toBe(all[0]);
  expect(namedStream(1, 'initial', 'b').uniform()).toBe(all[7]);
});

test('a shuffle holds every index once, for any count and seed', () => {
  fc.assert(
    fc.property(fc.nat(200), fc.nat(), (count, seed) => {
      const order = shuffledIndices(count, randomStream(seed, 'shuffle'));
      expect(Array.from(order).toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    }),
  );
});

test('every order of four things is drawn about equally often', () => {
  const counts = new Map<string, number>();
  for (let epoch = 0; epoch < 24_000; epoch++) {
    const order = shuffledIndices(4, randomStream(3, 'shuffle', epoch)).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(24);
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
});
