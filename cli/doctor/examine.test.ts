import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeCheck } from '../../shared/domain/node-check.ts';
import { clockCheck, slotsCheck } from './examine.ts';
import { diskCheck, runtimeCheck, writableCheck } from './machine.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-doctor-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('what is wrong is told with what to do', async () => {
  expect(nodeCheck('20.18.3')).toMatchObject({ verdict: 'bad', detail: expect.stringContaining('20.19') as string });
  expect(slotsCheck('many', 8)).toMatchObject({ verdict: 'bad' });
  expect(clockCheck('Thu, 01 Jan 2026 00:00:00 GMT', Date.UTC(2026, 0, 1, 0, 1, 1))).toMatchObject({ verdict: 'bad' });
  expect(clockCheck(null, 0)).toMatchObject({ verdict: 'warning' });
  expect(await runtimeCheck('no-such-library')).toMatchObject({
    verdict: 'bad',
    detail: expect.stringContaining('npm ci') as string,
  });
  const file = join(folder, 'file');
  await writeFile(file, '');
  await chmod(file, 0o400);
  expect(await writableCheck(join(file, 'data'))).toMatchObject({ verdict: 'bad' });
});

test('what is right is told too, and looking leaves nothing behind', async () => {
  for (const version of ['20.19.0', '22.0.0', '24.1.2']) expect(nodeCheck(version).verdict).toBe('good');
  expect(slotsCheck(undefined, 2).detail).toMatch(/^1, on 2 cores/);
  expect(slotsCheck('3', 2).detail).toMatch(/^3, /);
  expect(clockCheck('Thu, 01 Jan 2026 00:00:00 GMT', Date.UTC(2026, 0, 1, 0, 1, 0)).verdict).toBe('good');
  expect(await runtimeCheck()).toMatchObject({ verdict: 'good' });
  const data = join(folder, 'deep', 'data');
  expect(await writableCheck(data)).toMatchObject({ verdict: 'good' });
  expect(existsSync(join(folder, 'deep'))).toBe(false);
  expect((await diskCheck(data)).detail).toMatch(/free/);
});
