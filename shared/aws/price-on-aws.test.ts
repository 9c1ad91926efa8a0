import { expect, test } from 'vitest';
import { gpuClasses, instanceFamilies } from '../../infra/instance-families.ts';
import { priceOnAws } from './price-on-aws.ts';

test('a job costs what the class costs that it is going to be queued in', () => {
  const classes = gpuClasses(instanceFamilies).map(({ gpuMemoryBytes }) => ({
    queue: 'q',
    jobDefinition: 'd',
    gpuMemoryBytes,
  }));
  const priceOf = priceOnAws([{ queue: 'q', jobDefinition: 'd' }, ...classes]);
  const dollars = (accelerator: boolean, memoryBytes: number): number =>
    priceOf({ accelerator, memoryBytes }).microDollarsPerHour / 1e6;
  expect(dollars(false, 1e9)).toBeCloseTo(0.233, 3);
  expect([10e9, 20e9, 40e9, 80e9].map((bytes) => dollars(true, bytes))).toEqual([0.526, 1.006, 1.861, 6.88]);
  // the largest there is takes what is too large for all
  expect(dollars(true, 1e12)).toBe(6.88);
});
