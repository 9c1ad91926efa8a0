import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { credentialsPath, findCredentials, findKey, storeCredentials } from './credentials.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-login-'));
});
afterAll(() => rm(folder, { recursive: true }));

const stored = { url: 'http://127.0.0.1:7411', key: 'lry_a_b' };

test('without a server the message says how to get one', async () => {
  const environment = { LORARY_DATA: join(folder, 'none') };
  await expect(findCredentials(environment)).rejects.toThrow('start one with: lorary up');
  await expect(findCredentials({ ...environment, LORARY_URL: stored.url })).rejects.toThrow('lorary login --url');
  await expect(findCredentials({ LORARY_URL: 'nowhere', LORARY_KEY: 'k' })).rejects.toThrow('http://HOST:PORT');
});

test('a file that was changed by hand is refused with its path', async () => {
  const path = join(folder, 'broken.json');
  await writeFile(path, '{"url":');
  await expect(findCredentials({ LORARY_CONFIG: path })).rejects.toThrow(path);
});

test('what is stored is read back, is for its owner alone, and nothing else is left', async () => {
  const environment = { LORARY_DATA: join(folder, 'data') };
  const path = credentialsPath(environment);
  await storeCredentials(path, { url: 'http://old', key: 'old' });
  await storeCredentials(path, stored);
  expect(await findCredentials(environment)).toMatchObject(stored);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder, 'data'))).toEqual(['credentials.json']);
});

test('the environment goes before the file, each part for itself', async () => {
  const path = join(folder, 'own.json');
  await storeCredentials(path, stored);
  expect(credentialsPath({ LORARY_CONFIG: path, LORARY_DATA: '/elsewhere' })).toBe(path);
  expect(await findCredentials({ LORARY_CONFIG: path, LORARY_KEY: 'other' })).toEqual({ ...stored, key: 'other' });
});

test('a login elsewhere forgets no key: each server is found by its address, the last login of one counts', async () => {
  const environment = { LORARY_CONFIG: join(folder, 'several.json') };
  const path = credentialsPath(environment);
  await storeCredentials(path, stored);
  await storeCredentials(path, { url: 'https://one', key: 'lry_1' });
  await storeCredentials(path, { url: 'https://two', key: 'lry_2' });
  await storeCredentials(path, { url: 'https://one', key: 'lry_3' });
  expect(await findCredentials(environment)).toEqual({ url: 'https://one', key: 'lry_3' });
  const known = await Promise.all([stored.url, 'https://two', 'https://none'].map((url) => findKey(environment, url)));
  expect(known).toEqual([stored.key, 'lry_2', undefined]);
  const given = { ...environment, LORARY_URL: 'https://two', LORARY_KEY: 'lry_4' };
  expect(await findKey(given, 'https://two')).toBe('lry_4');
});
