import { expect, test } from 'vitest';
import { trainDefaults, type TrainFacts } from './train-defaults.ts';

const nothing: TrainFacts['given'] = new Set();
const tiny = 2_755_008;

test('what was asked for is not chosen again, and not explained', () => {
  const given = new Set(['r', 'alpha', 'learningRate', 'length', 'heldOut'] as const);
  expect(trainDefaults({ rows: 100, parameters: tiny, given })).toEqual({ reasons: [] });
});

test('every choice has its reason, on one line', () => {
  const chosen = trainDefaults({ rows: 7000, parameters: tiny, given: nothing });
  expect(chosen).toMatchObject({ r: 16, loraAlpha: 32, learningRate: 0.002, epochs: 3, evalFraction: 0.071 });
  expect(chosen.reasons).toHaveLength(5);
  for (const reason of chosen.reasons) expect(reason).toMatch(/^--[\w-]+ [\d.]+: \S/);
});

test('alpha follows a rank that was asked for', () => {
  const chosen = trainDefaults({ rows: 7000, parameters: tiny, given: new Set(['r'] as const), r: 4 });
  expect(chosen).toMatchObject({ loraAlpha: 8 });
  expect(chosen.r).toBeUndefined();
});

test('few rows are read more often and not held out, many are read once', () => {
  const few = trainDefaults({ rows: 19, parameters: tiny, given: nothing });
  expect(few).toMatchObject({ r: 8, epochs: 10 });
  expect(few.evalFraction).toBeUndefined();
  expect(few.reasons.at(-1)).toContain('--eval FILE');
  expect(trainDefaults({ rows: 20, parameters: tiny, given: nothing }).evalFraction).toBe(0.1);
  expect(trainDefaults({ rows: 50_000, parameters: tiny, given: nothing })).toMatchObject({
    epochs: 1,
    evalFraction: 0.01,
  });
});

test('larger bases learn at lower rates, down to a floor', () => {
  const rate = (parameters: number | null): number | undefined =>
    trainDefaults({ rows: 1000, parameters, given: nothing }).learningRate;
  expect([rate(135e6), rate(1.2e9), rate(70e9), rate(null)]).toEqual([3e-4, 1e-4, 1e-4, 2e-4]);
});
