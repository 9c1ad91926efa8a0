import { expect, test } from 'vitest';
import { programGroup } from './program-group.ts';

const group = () => programGroup({ cwd: process.cwd(), output: 2 });
const lasting = [process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {}] as const;
const isThere = (pid = 0): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('one that cannot be started is told, and the others end with it', async () => {
  const programs = group();
  const pid = programs.start(...lasting);
  expect(programs.start('/no/such/program', [], {})).toBeUndefined();
  await expect(programs.failure).rejects.toThrow('/no/such/program cannot be started');
  expect(isThere(pid)).toBe(true);
  await programs.stop();
  expect(isThere(pid)).toBe(false);
});

test('one that ends by itself is told, and one that is stopped is not', async () => {
  const ends = group();
  ends.start(process.execPath, ['-e', 'process.exit(3)'], {});
  await expect(ends.failure).rejects.toThrow('has ended with 3');
  const stays = group();
  stays.start(...lasting);
  await stays.stop();
  const quiet = new Promise((resolve) => setTimeout(resolve, 50, 'nothing was told'));
  expect(await Promise.race([stays.failure, quiet])).toBe('nothing was told');
});
