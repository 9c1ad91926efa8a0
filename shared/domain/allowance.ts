import { limits } from '../limits.ts';

/** What one job may take of machines, over all its attempts. */
export interface Allowance {
  /** Machine time after which it saves its work and ends. */
  readonly maxMilliseconds: number;
  /** Of the machine that it was made for; what it will cost was fixed with the job. */
  readonly microDollarsPerHour: number;
  /** What its containers have taken so far; never more than `maxMilliseconds`. */
  readonly chargedMilliseconds: number;
}

/** What somebody wants a job to take at most. */
export interface AskedBudget {
  readonly maxSeconds?: number | undefined;
  readonly maxDollars?: number | undefined;
}

/**
 * The allowance of a new job. Where nothing is asked for, a job that costs something may take four times its estimate and ten minutes, an
 * hour at least; one that costs nothing, as long as any job may.
 */
export function newAllowance(
  { maxSeconds, maxDollars }: AskedBudget,
  microDollarsPerHour: number,
  estimatedSeconds: number,
): Allowance {
  const asked = [
    ...(maxSeconds === undefined ? [] : [Math.floor(maxSeconds * 1000)]),
    ...(maxDollars === undefined || microDollarsPerHour === 0
      ? []
      : [millisecondsFor(Math.round(maxDollars * 1e6), microDollarsPerHour)]),
  ];
  const unasked =
    microDollarsPerHour === 0
      ? limits.jobSecondsMax
      : Math.max(limits.jobDefaultSecondsMin, 4 * estimatedSeconds + 600);
  const wanted = asked.length > 0 ? asked : [Math.ceil(unasked * 1000)];
  return {
    maxMilliseconds: Math.max(1, Math.min(...wanted, limits.jobSecondsMax * 1000)),
    microDollarsPerHour,
    chargedMilliseconds: 0,
  };
}

/** Seconds that a run may take that nobody else gives an allowance; undefined: as many as it takes. */
export function ownSecondsMax({
  maxSeconds,
  maxDollars,
  dollarsPerHour = 0,
}: AskedBudget & { readonly dollarsPerHour?: number | undefined }): number | undefined {
  const price = Math.round(dollarsPerHour * 1e6);
  if (maxDollars === undefined || price === 0) return maxSeconds;
  return Math.min(maxSeconds ?? Infinity, millisecondsFor(Math.round(maxDollars * 1e6), price) / 1000);
}

/** The allowance when a container has had the job for so much longer. What it took beyond is not charged: whoever runs the platform pays it. */
export function charge(allowance: Allowance, milliseconds: number): Allowance {
  const { maxMilliseconds, chargedMilliseconds } = allowance;
  return {
    ...allowance,
    chargedMilliseconds: Math.min(maxMilliseconds, chargedMilliseconds + Math.max(0, Math.round(milliseconds))),
  };
}

/** Rounded up, so that no time is free by being short. */
export function costMicroDollars(milliseconds: number, microDollarsPerHour: number): number {
  return Math.ceil((milliseconds * microDollarsPerHour) / millisecondsOfHour);
}

/** The longest time that costs no more. */
function millisecondsFor(microDollars: number, microDollarsPerHour: number): number {
  return Math.floor((microDollars * millisecondsOfHour) / microDollarsPerHour);
}

const millisecondsOfHour = 3_600_000;
