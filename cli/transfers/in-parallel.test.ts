import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inParallel } from './in-parallel.ts';

test('the first failure is thrown when nothing is in work any more, and nothing new begins', async () => {
  const begun: number[] = [];
  let ended = 0;
  const work = async (item: number): Promise<void> => {
    begun.push(item);
    await delay(item === 1 ? 1 : 20);
    ended += 1;
    if (item === 1) throw new Error('one failed');
  };
  await expect(inParallel([1, 2, 3, 4, 5, 6], 2, work)).rejects.toThrow('one failed');
  expect(ended).toBe(begun.length);
  expect(begun.length).toBeLessThan(5);
});

test('never more at once than allowed, and all of them', async () => {
  let [now, most, done] = [0, 0, 0];
  await inParallel(
    Array.from({ length: 20 }, (_, i) => i),
    3,
    async () => {
      most = Math.max(most, ++now);
      await delay(1);
      now -= 1;
      done += 1;
    },
  );
  expect([most, done]).toEqual([3, 20]);
});
