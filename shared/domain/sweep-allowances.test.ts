import fc from 'fast-check';
import { expect, test } from 'vitest';
import { limits } from '../limits.ts';
import { costMicroDollars } from './allowance.ts';
import { sweepAllowances } from './sweep-allowances.ts';

test('parts of a budget are never together more than it, in time and in dollars', () => {
  const given = fc.record({
    maxSeconds: fc.option(fc.double({ min: 1, max: limits.jobSecondsMax, noNaN: true }), { nil: undefined }),
    maxDollars: fc.option(fc.double({ min: 0.01, max: 1000, noNaN: true }), { nil: undefined }),
    trials: fc.integer({ min: 1, max: limits.sweepRunsMax }),
    own: fc.integer({ min: 0, max: 1_000_000 }),
    trial: fc.integer({ min: 1, max: 30_000_000 }),
  });
  fc.assert(
    fc.property(given, ({ maxSeconds, maxDollars, trials, own: ownPrice, trial: trialPrice }) => {
      fc.pre(maxSeconds !== undefined || maxDollars !== undefined);
      const { own, trial } = sweepAllowances(
        { maxSeconds, maxDollars },
        trials,
        { own: ownPrice, trial: trialPrice },
        60,
      );
      const milliseconds = own.maxMilliseconds + trials * trial.maxMilliseconds;
      const dollars = [own, ...Array.from({ length: trials }, () => trial)].reduce(
        (sum, one) => sum + costMicroDollars(one.maxMilliseconds, one.microDollarsPerHour),
        0,
      );
      if (maxSeconds !== undefined) expect(milliseconds).toBeLessThanOrEqual(maxSeconds * 1000);
      if (maxDollars !== undefined) expect(dollars).toBeLessThanOrEqual(Math.floor(maxDollars * 1e6));
    }),
  );
});

test('the trials get nearly all of it; without a budget each may take what a job of its own may', () => {
  const { own, trial } = sweepAllowances({ maxSeconds: 1000 }, 4, { own: 0, trial: 0 }, 60);
  expect([own.maxMilliseconds, trial.maxMilliseconds]).toEqual([50_000, 237_500]);
  const long = sweepAllowances({ maxSeconds: 100_000 }, 4, { own: 0, trial: 0 }, 60);
  expect(long.own.maxMilliseconds).toBe(600_000);
  const free = sweepAllowances({}, 4, { own: 0, trial: 0 }, 60);
  expect(free.trial.maxMilliseconds).toBe(limits.jobSecondsMax * 1000);
  const paid = sweepAllowances({}, 4, { own: 100_000, trial: 1_000_000 }, 3000);
  expect(paid.trial.maxMilliseconds).toBe((4 * 3000 + 600) * 1000);
});
