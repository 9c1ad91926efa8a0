import { expect, test } from 'vitest';
import type { Estimate } from './estimate.ts';
import { hostedPrices } from './hosted-prices.ts';
import { jobCost } from './job-cost.ts';
import { ownPrice } from './machine-prices.ts';

const estimate: Estimate = {
  tokens: 10_000_000,
  steps: 100,
  stepsAreExact: true,
  memoryBytes: 1e9,
  diskBytes: 1e9,
  storedBytes: 1e6,
  seconds: 36_000,
  training: null,
  basis: 'counts',
};
const allowance = { maxMilliseconds: 72_000_000, microDollarsPerHour: 1_000_000, chargedMilliseconds: 0 };
const price = ownPrice(1);

test('time is measured where it was, and estimated else; which of the two is said', () => {
  const estimated = jobCost(estimate, allowance, { price });
  expect(estimated).toMatchObject({
    seconds: 36_000,
    secondsFrom: 'estimate',
    dollars: 10,
    maxDollars: 20,
    hosted: [],
  });
  expect(estimated).not.toHaveProperty('measuredBy');
  const measured = { jobId: 'job_1', tokensPerSecond: 5000 };
  expect(jobCost(estimate, allowance, { price, measured })).toMatchObject({
    seconds: 2000,
    secondsFrom: 'measured',
    measuredBy: 'job_1',
    dollars: 0.555556,
  });
  // a rate of tokens says nothing of a job that has none
  expect(jobCost({ ...estimate, tokens: null }, allowance, { price, measured })).toMatchObject({
    secondsFrom: 'estimate',
  });
});

test('a hosted trainer is cheaper where the machine is slow, and not where it is fast', () => {
  const slow = jobCost(estimate, allowance, { price, hostedParameters: 7e9 });
  expect(slow.hosted.map(({ provider, dollars, cheaper }) => [provider, dollars, cheaper])).toEqual([
    ['Together AI', 4.8, true],
    ['Fireworks AI', 5, true],
  ]);
  const measured = { jobId: 'job_1', tokensPerSecond: 5000 };
  expect(
    jobCost(estimate, allowance, { price, measured, hostedParameters: 7e9 }).hosted.some(({ cheaper }) => cheaper),
  ).toBe(false);
});

test('a base counts by its size, and one that is too large for all costs nothing anywhere', () => {
  const first = (parameters: number) => hostedPrices(1e6, parameters)[0]?.dollars;
  expect([16e9, 16e9 + 1, 69e9 + 1, 80e9 + 1, 100e9 + 1].map(first)).toEqual([0.48, 1.5, 2.9, 2.9, undefined]);
});
