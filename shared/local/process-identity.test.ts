import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { isOfThisBoot, processIdentity } from './process-identity.mjs';

const systems: readonly NodeJS.Platform[] =
  process.platform === 'linux' ? ['linux', 'darwin', 'win32'] : [process.platform];

test.each(systems)('as on %s: a process has an identity while it lives, the same each time', async (system) => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const pid = child.pid ?? 0;
  const identity = processIdentity(pid, system);
  expect(identity).toBeTruthy();
  expect(processIdentity(pid, system)).toBe(identity);
  await new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGKILL');
  });
  expect(processIdentity(pid, system)).toBeUndefined();
});

test('two processes have two identities, both of this start of the machine', async () => {
  const own = processIdentity(process.pid) ?? '';
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const other = processIdentity(child.pid ?? 0) ?? '';
  child.kill('SIGKILL');
  expect(other).not.toBe(own);
  expect([isOfThisBoot(own), isOfThisBoot(other)]).toEqual([true, true]);
  expect(
    isOfThisBoot(process.platform === 'linux' ? `another-boot ${own.split(' ')[1]}` : 'Thu Jan 1 00:00:00 1970'),
  ).toBe(false);
});
