import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planRun, type RunPlanOptions } from './epochs.ts';

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 12 }).map((rows) => ({ rows })),
  fc.integer({ min: 1, max: 200 }).map((tokens) => ({ tokens })),
);
const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 });

test('every epoch uses every row once, in an order of its own', () => {
  fc.assert(
    fc.property(lengths, sizes, fc.nat(), (rowTokens, size, seed) => {
      const plan = planRun(rowTokens, { size, length: { epochs: 3 }, seed });
      const epochs = new Map<number, number[]>();
      for (let i = 0; i < plan.steps; i++) {
        const { epoch, rows } = plan.stepAt(i);
        epochs.set(epoch, [...(epochs.get(epoch) ?? []), ...rows]);
      }
      expect([...epochs.keys()]).toEqual([0, 1, 2]);
      for (const rows of epochs.values()) expect(rows.toSorted((a, b) => a - b)).toEqual(rowTokens.map((_, i) => i));
    }),
  );
});

test('a step that is asked for late, or again, is the one that was planned', () => {
  fc.assert(
    fc.property(lengths, sizes, fc.nat(), fc.nat(60), (rowTokens, size, seed, index) => {
      const options: RunPlanOptions = { size, length: { steps: 61 }, seed };
      const steady = planRun(rowTokens, options);
      const inOrder = Array.from({ length: 61 }, (_, i) => steady.stepAt(i));
      expect(planRun(rowTokens, options).stepAt(index)).toEqual(inOrder[index]);
      expect(steady.stepAt(index)).toEqual(inOrder[index]);
    }),
  );
});

test('a step of so many tokens holds no more, unless one row does', () => {
  const plan = planRun([5, 5, 30, 5, 5], { size: { tokens: 12 }, length: { epochs: 1 }, seed: 1 });
  for (let i = 0; i < plan.steps; i++) {
    const { rows } = plan.stepAt(i);
    const tokens = rows.reduce((sum, row) => sum + ([5, 5, 30, 5, 5][row] ?? 0), 0);
    expect(rows.length === 1 || tokens <= 12).toBe(true);
  }
});

test('the length of a run is counted in epochs, steps or tokens', () => {
  const ten = Array.from({ length: 10 }, () => 7);
  const steps = (length: RunPlanOptions['length'], size: RunPlanOptions['size'] = { rows: 3 }): number =>
    planRun(ten, { size, length, seed: 0 }).steps;
  expect(steps({ epochs: 1 })).toBe(4);
  expect(steps({ epochs: 2.5 })).toBe(10);
  expect(steps({ epochs: 1.25 })).toBe(5);
  expect(steps({ epochs: 0.01 })).toBe(1);
  expect(steps({ steps: 17 })).toBe(17);
  expect(steps({ tokens: 70 })).toBe(4);
  expect(steps({ tokens: 71 })).toBe(5);
  expect(steps({ tokens: 21 })).toBe(1);
  expect(steps({ tokens: 22 })).toBe(2);
  expect(steps({ tokens: 141 }, { tokens: 14 })).toBe(11);
});
