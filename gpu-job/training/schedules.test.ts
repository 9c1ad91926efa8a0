import { expect, test } from 'vitest';
import { readFixtureJson } from '../../test/parity/fixture.ts';
import { learningRateAt, type Schedule } from './schedules.ts';

const rates = (schedule: Omit<Schedule, 'learningRate'>): number[] =>
  Array.from({ length: schedule.steps }, (_, step) => learningRateAt({ ...schedule, learningRate: 1 }, step));

test('a recorded run of transformers has the same rate at each of its steps', async () => {
  type Run = { lr: number; schedule: 'cosine'; warmupSteps: number; steps: number };
  const { lr, schedule, warmupSteps, steps } = await readFixtureJson<Run>('lora-run-20', 'run.json');
  const { learningRates } = await readFixtureJson<{ learningRates: number[] }>('lora-run-20', 'expected.json');
  expect(learningRates).toHaveLength(steps);
  for (const [step, rate] of learningRates.entries())
    expect(learningRateAt({ kind: schedule, learningRate: lr, warmupSteps, steps }, step)).toBeCloseTo(rate, 14);
});

test('the three courses after a warm-up of two steps', () => {
  expect(rates({ kind: 'constant', warmupSteps: 2, steps: 6 })).toEqual([0, 0.5, 1, 1, 1, 1]);
  expect(rates({ kind: 'linear', warmupSteps: 2, steps: 6 })).toEqual([0, 0.5, 1, 0.75, 0.5, 0.25]);
  const cosine = rates({ kind: 'cosine', warmupSteps: 2, steps: 6 });
  const expected = [0, 0.5, 1, 0.8535533905932737, 0.5, 0.14644660940672627];
  for (const [i, rate] of expected.entries()) expect(cosine[i]).toBeCloseTo(rate, 12);
});

test('without warm-up the first step has the full rate', () => {
  for (const kind of ['constant', 'linear', 'cosine'] as const)
    expect(learningRateAt({ kind, learningRate: 2e-4, warmupSteps: 0, steps: 10 }, 0)).toBe(2e-4);
});
