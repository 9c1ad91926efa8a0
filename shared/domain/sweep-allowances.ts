import { newAllowance, type Allowance, type AskedBudget } from './allowance.ts';

/** What a sweep and each of its trials may take. */
export interface SweepAllowances {
  /** Of the sweep itself, which ranks and publishes. */
  readonly own: Allowance;
  readonly trial: Allowance;
}

/**
 * Parts of one budget: a twentieth, ten minutes at most, for ranking and publishing, and the rest in equal parts for the trials. Together they are never more
 * than what was asked for. Where nothing is, each may take what a job of its own may. Prices are in microdollars an hour.
 */
export function sweepAllowances(
  { maxSeconds, maxDollars }: AskedBudget,
  trials: number,
  prices: { readonly own: number; readonly trial: number },
  trialSeconds: number,
): SweepAllowances {
  if (maxSeconds === undefined && maxDollars === undefined)
    return {
      own: newAllowance({ maxSeconds: ownSecondsMax }, prices.own, 0),
      trial: newAllowance({}, prices.trial, trialSeconds),
    };
  const part = (share: number): AskedBudget => ({
    ...(maxSeconds === undefined ? {} : { maxSeconds: maxSeconds * share }),
    // whole millionths, rounded down: parts must not sum up to more
    ...(maxDollars === undefined ? {} : { maxDollars: Math.floor(maxDollars * 1e6 * share) / 1e6 }),
  });
  const own = newAllowance(part(ownShare), prices.own, 0);
  const ownMilliseconds = Math.min(own.maxMilliseconds, ownSecondsMax * 1000);
  return {
    own: { ...own, maxMilliseconds: ownMilliseconds },
    trial: newAllowance(part((1 - ownShare) / trials), prices.trial, trialSeconds),
  };
}

const ownShare = 0.05;
const ownSecondsMax = 600;
