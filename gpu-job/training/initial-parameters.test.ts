import { expect, test } from 'vitest';
import { initialLoraParameters, initialTensor } from './initial-parameters.ts';

const shapes = [
  { name: 'a.lora_A', shape: [16, 400] },
  { name: 'a.lora_B', shape: [30, 16] },
  { name: 'b.lora_A', shape: [16, 400] },
  { name: 'b.lora_B', shape: [30, 16] },
];
const mean = (values: ArrayLike<number>, of: (value: number) => number): number =>
  Array.from(values, of).reduce((sum, value) => sum + value, 0) / values.length;

test('A fills (-1/sqrt(in), 1/sqrt(in)) evenly and B is zero', () => {
  const values = initialLoraParameters(shapes, 1);
  const A = values.get('a.lora_A') ?? new Float32Array(1);
  const bound = 1 / 20;
  expect(Math.max(...A)).toBeLessThanOrEqual(bound);
  expect(Math.max(...A)).toBeGreaterThan(0.99 * bound);
  expect(Math.min(...A)).toBeLessThan(-0.99 * bound);
  expect(Math.abs(mean(A, (value) => value))).toBeLessThan(0.02 * bound);
  expect(mean(A, (value) => value ** 2)).toBeCloseTo(bound ** 2 / 3, 4);
  expect(values.get('a.lora_B')?.every((value) => value === 0)).toBe(true);
});

test("a module's A depends on the seed and its name, not on which others are tuned", () => {
  const [all, one] = [initialLoraParameters(shapes, 1), initialLoraParameters(shapes.slice(2), 1)];
  expect(one.get('b.lora_A')).toEqual(all.get('b.lora_A'));
  expect(all.get('a.lora_A')).not.toEqual(all.get('b.lora_A'));
  expect(initialLoraParameters(shapes, 2).get('a.lora_A')).not.toEqual(all.get('a.lora_A'));
});

test('a fresh model has normal matrices, norms of one and biases of zero', () => {
  const matrix = initialTensor({ name: 'w', shape: [100, 100], kind: 'matrix' }, 0.02, 1);
  expect(Math.sqrt(mean(matrix, (value) => value ** 2))).toBeCloseTo(0.02, 3);
  expect(Math.abs(mean(matrix, (value) => value))).toBeLessThan(0.001);
  expect(initialTensor({ name: 'n', shape: [4], kind: 'norm' }, 0.02, 1)).toEqual(Float32Array.of(1, 1, 1, 1));
  expect(initialTensor({ name: 'g', shape: [2], kind: 'norm-offset' }, 0.02, 1)).toEqual(Float32Array.of(0, 0));
  expect(initialTensor({ name: 'b', shape: [2], kind: 'bias' }, 0.02, 1)).toEqual(Float32Array.of(0, 0));
});
