import type { z } from 'zod';
import type { costSchema } from '../contract/jobs.ts';
import { costMicroDollars, type Allowance } from './allowance.ts';
import type { Estimate } from './estimate.ts';
import { hostedPrices } from './hosted-prices.ts';
import type { MachinePrice } from './machine-prices.ts';

export type JobCost = z.output<typeof costSchema>;

/** A rate that a job of the same base has had on the same kind of machine. */
export interface MeasuredRate {
  readonly jobId: string;
  readonly tokensPerSecond: number;
}

/** What a job is expected to cost: its time from a measured rate where there is one, else from the estimate. */
export function jobCost(
  { tokens, seconds }: Estimate,
  { maxMilliseconds, microDollarsPerHour }: Allowance,
  given: {
    readonly price: MachinePrice;
    readonly measured?: MeasuredRate | undefined;
    /** Parameters of the base of a LoRA training; absent: nobody else offers the like. */
    readonly hostedParameters?: number | undefined;
  },
): JobCost {
  const { price, measured, hostedParameters } = given;
  const isMeasured = measured !== undefined && tokens !== null;
  const expected = isMeasured ? tokens / measured.tokensPerSecond : seconds;
  const dollars = costMicroDollars(expected * 1000, microDollarsPerHour) / 1e6;
  const hosted = hostedParameters === undefined || tokens === null ? [] : hostedPrices(tokens, hostedParameters);
  return {
    seconds: expected,
    secondsFrom: isMeasured ? 'measured' : 'estimate',
    ...(isMeasured ? { measuredBy: measured.jobId, tokensPerSecond: measured.tokensPerSecond } : {}),
    dollars,
    maxSeconds: maxMilliseconds / 1000,
    maxDollars: costMicroDollars(maxMilliseconds, microDollarsPerHour) / 1e6,
    dollarsPerHour: microDollarsPerHour / 1e6,
    priceBasis: price.basis,
    hosted: hosted.map((one) => ({ ...one, cheaper: one.dollars < dollars })),
  };
}
