import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockRun } from './run-lock.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a folder in which another process works is refused, until that process is gone', async () => {
  const other = spawn(process.execPath, ['-e', 'setTimeout(() => undefined, 60_000)']);
  await writeFile(join(folder, 'lock.json'), JSON.stringify({ pid: other.pid, host: hostname() }));
  await expect(lockRun(folder)).rejects.toThrow(`Process ${other.pid} is working in ${folder} already`);
  const ended = new Promise((resolve) => other.on('exit', resolve));
  other.kill();
  await ended;
  const unlock = await lockRun(folder);
  await unlock();
  expect(await readdir(folder)).toEqual([]);
});

test('a lock that was being written when its process was killed holds no one up', async () => {
  await writeFile(join(folder, 'lock.json'), '{"pi');
  await (
    await lockRun(folder)
  )();
});
