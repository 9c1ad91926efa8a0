import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RecordTable, World } from '../../shared/platform/ports.ts';
import { keys } from '../../shared/records/keys.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { authenticate } from '../http/authenticate.ts';
import { examplesFolder } from './base-folders.ts';
import { writeCredentials } from './credentials-file.ts';
import { firstStart, localTeam } from './first-start.ts';

let api: LocalApi;
beforeEach(async () => {
  api = await openLocalApi();
});
afterEach(() => api.close());

const start = (world: World): Promise<string | undefined> =>
  firstStart({ world, baseFolders: [examplesFolder] }, (key) =>
    writeCredentials(api.folder, { url: 'http://127.0.0.1:7411', key }),
  );

async function keyInFile(): Promise<string> {
  const text = await readFile(join(api.folder, 'credentials.json'), 'utf8');
  return (JSON.parse(text) as { key: string }).key;
}
const team = async (key: string): Promise<string> =>
  (await authenticate(api.world, `Bearer ${key}`, 'any', 'req_1', () => undefined)).team;

/** A world that dies in the moment in which the team is written: before the write, or when it is done and nobody knows. */
function dyingWorld(when: 'before' | 'after'): World {
  const table: RecordTable = {
    get: (key) => api.world.table.get(key),
    put: (record, condition) => api.world.table.put(record, condition),
    delete: (key, condition) => api.world.table.delete(key, condition),
    query: (query) => api.world.table.query(query),
    increment: (key, field, by, options) => api.world.table.increment(key, field, by, options),
    async transact(writes, options) {
      const isTeam = writes.some(
        (write) => 'put' in write && write.put.key.partition === keys.team(localTeam).partition,
      );
      if (!isTeam || when === 'after') await api.world.table.transact(writes, options);
      if (isTeam) throw new Error('killed');
    },
  };
  return { ...api.world, table };
}

test('a start that was killed before it made the team begins again with another key', async () => {
  await expect(start(dyingWorld('before'))).rejects.toThrow('killed');
  const lost = await keyInFile();
  await expect(team(lost)).rejects.toMatchObject({ code: 'unauthenticated' });
  const key = await start(api.world);
  expect(key).not.toBe(lost);
  expect(await keyInFile()).toBe(key);
  expect(await team(key ?? '')).toBe(localTeam);
});

test('a start that was killed when it had made the team leaves its key in the file', async () => {
  await expect(start(dyingWorld('after'))).rejects.toThrow('killed');
  expect(await start(api.world)).toBeUndefined();
  expect(await team(await keyInFile())).toBe(localTeam);
});
