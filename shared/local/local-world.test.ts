import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { limits } from '../limits.ts';
import { defaultDataFolder, defaultJobSlots, openLocalWorld } from './local-world.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-world-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a number of job slots that is none is refused', () => {
  for (const setting of ['0', '-1', '1.5', 'many', '1000', ' 2']) {
    expect(() => defaultJobSlots(8, setting)).toThrow(expect.objectContaining({ code: 'bad-setting' }));
  }
});

test('one job runs for every four cores, at least one, unless the setting says otherwise', () => {
  expect([1, 2, 7, 8, 15, 16].map((cores) => defaultJobSlots(cores, undefined))).toEqual([1, 1, 1, 2, 3, 4]);
  expect(defaultJobSlots(2, '')).toBe(1);
  expect([defaultJobSlots(2, '1'), defaultJobSlots(2, '999')]).toEqual([1, 999]);
});

test('data is kept in LORARY_DATA, or in .lorary here', () => {
  expect(defaultDataFolder(undefined)).toBe(resolve('.lorary'));
  expect(defaultDataFolder('')).toBe(resolve('.lorary'));
  expect(defaultDataFolder('/elsewhere')).toBe(resolve('/elsewhere'));
});

test('the folder and the key in it are for their owner alone, and the key outlives the server', async () => {
  const data = join(folder, 'new', 'data');
  const open = () => openLocalWorld({ folder: data, baseUrl: 'http://127.0.0.1:1', role: 'server' });
  await (await open()).close();
  const key = await readFile(join(data, 'signing.key'));
  expect(key).toHaveLength(32);
  expect((await stat(data)).mode & 0o777).toBe(0o700);
  expect((await stat(join(data, 'signing.key'))).mode & 0o777).toBe(0o600);
  await (await open()).close();
  expect(await readFile(join(data, 'signing.key'))).toEqual(key);
  await writeFile(join(data, 'signing.key'), '');
  await expect(open()).rejects.toMatchObject({ code: 'damaged-secret' });
});

test('a link outlives the server that gave it, and its port', async () => {
  const first = await openLocalWorld({ folder, baseUrl: 'http://127.0.0.1:1', role: 'server' });
  const blob = await first.blobs.put('k', Buffer.from('content'));
  const { url } = await first.blobs.signDownload(blob, { fileName: 'x', expiresSeconds: 60 });
  await first.close();
  const next = await openLocalWorld({ folder, baseUrl: 'http://127.0.0.1:2', role: 'server' });
  expect(await (await next.blobServer.request(url.replace(':1/', ':2/'))).text()).toBe('content');
  await next.close();
});

test('a server sweeps when it starts, a job beside it does not, and closing waits for it', async () => {
  const world = { folder, baseUrl: 'http://127.0.0.1:1' };
  const first = await openLocalWorld({ ...world, role: 'server' });
  const blobs = await Promise.all(Array.from({ length: 20 }, (_, at) => first.blobs.put(`k${at}`, Buffer.from('x'))));
  await first.close();
  const now = (): number => Date.now() + 2 * limits.uploadKeptSeconds * 1000;
  const job = await openLocalWorld({ ...world, role: 'job', now });
  await job.close();
  const kept = await readdir(join(folder, 'blobs'), { recursive: true });
  expect(blobs.every(({ versionId }) => kept.some((path) => path.endsWith(versionId)))).toBe(true);
  await (await openLocalWorld({ ...world, role: 'server', now })).close();
  const left = await readdir(join(folder, 'blobs'), { recursive: true });
  expect(blobs.filter(({ versionId }) => left.some((path) => path.endsWith(versionId)))).toEqual([]);
});

test('a server without a way to run jobs loses them with that reason', async () => {
  const world = await openLocalWorld({ folder, baseUrl: 'http://127.0.0.1:1', role: 'server' });
  await world.runner.submit({ runId: 'r', jobId: 'j', team: 'a' });
  expect(await world.runner.describe('r')).toMatchObject({
    state: 'lost',
    reason: expect.stringContaining('without') as string,
  });
  await world.close();
});
