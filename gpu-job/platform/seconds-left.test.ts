import { expect, test } from 'vitest';
import { secondsLeft } from './seconds-left.ts';

const claimedAt = '2026-11-30T12:00:00.000Z';
const world = { now: () => Date.parse(claimedAt) + 5000 };
const left = (maxSeconds: number, chargedSeconds = 0): number | undefined =>
  secondsLeft(world, {
    claimedAt,
    allowance: {
      maxMilliseconds: maxSeconds * 1000,
      chargedMilliseconds: chargedSeconds * 1000,
      microDollarsPerHour: 0,
    },
  });

test('what earlier containers took, what this one has taken and what the end takes is not left', () => {
  expect(left(100)).toBe(85);
  expect(left(100, 40)).toBe(45);
  expect(left(10_000)).toBe(9935);
  expect(left(20, 20)).toBe(-7);
  expect(secondsLeft(world, { claimedAt, allowance: null })).toBeUndefined();
});
