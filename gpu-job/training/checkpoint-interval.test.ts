import { expect, test } from 'vitest';
import { checkpointInterval } from './checkpoint-interval.ts';

const given = { everySeconds: 300, stepSeconds: 0.5, saveSeconds: 0.01, allowanceSeconds: Infinity };

test('without an allowance checkpoints come as often as was asked for', () => {
  expect(checkpointInterval(given)).toBe(300);
});

test('with one a kill costs a twentieth of it, but no less than a step, and saving no more than a twentieth of the time', () => {
  expect(checkpointInterval({ ...given, allowanceSeconds: 600 })).toBe(30);
  expect(checkpointInterval({ ...given, allowanceSeconds: 1e6 })).toBe(300);
  expect(checkpointInterval({ ...given, allowanceSeconds: 20, stepSeconds: 7 })).toBe(7);
  expect(checkpointInterval({ ...given, allowanceSeconds: 20, saveSeconds: 2 })).toBe(40);
  // a run whose allowance is spent already saves after each step
  expect(checkpointInterval({ ...given, allowanceSeconds: -5 })).toBe(0.5);
});
