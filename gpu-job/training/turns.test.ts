import { expect, test } from 'vitest';
import { openTurns, turnsBytes } from './turns.ts';

test('numbers are given once, and again from the start for the next work', () => {
  const turns = openTurns(new SharedArrayBuffer(turnsBytes));
  expect([turns.take(), turns.take(), turns.take()]).toEqual([0, 1, 2]);
  turns.reset();
  expect(turns.take()).toBe(0);
});

test('who finishes lets the next go on; what was abandoned stays so, whoever finishes then', () => {
  const turns = openTurns(new SharedArrayBuffer(turnsBytes));
  turns.wait(0);
  turns.finish(0);
  turns.wait(1);
  turns.abandon();
  turns.finish(1);
  expect(() => turns.wait(2)).toThrow('another worker has failed');
});
