import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uniform } from '../../test/support/random-base.ts';
import { inputLength, type TokenRow } from './batches.ts';
import { indicesUpTo, rowGroups, selectRows } from './token-rows.ts';
import { keepStores, openTokenStore, writeTokenStore, type StoredRow, type TokenStore } from './token-store.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-token-store-'));
});
afterAll(() => rm(folder, { recursive: true }));

const random = uniform(7);
const below = (bound: number): number => Math.floor(random() * bound);
/** The first token is 0 at times, and the largest a token may be; some rows have no label. */
const row = (line: number, length: number): StoredRow => ({
  line,
  tokens: Int32Array.from({ length }, (_, i) => (i === 0 ? 0 : i === 1 ? 2 ** 31 - 1 : below(50_000))),
  trained: Uint8Array.from({ length }, (_, i) => (i > 0 && line % 7 > 0 ? below(2) : 0)),
});
const rows = Array.from({ length: 1200 }, (_, i) => row(1 + Math.floor(i / 2), 1 + below(40)));

async function written(name: string, given: readonly StoredRow[] = rows): Promise<TokenStore> {
  await writeTokenStore(at(name), async (append) => {
    for (let i = 0; i < given.length; i += 100) await append(given.slice(i, i + 100));
    return { said: 'so' };
  });
  const store = await openTokenStore(at(name));
  if (!store) throw new Error('what was written is there');
  return store;
}
const plain = (given: readonly TokenRow[]): TokenRow[] => given.map(({ tokens, trained }) => ({ tokens, trained }));

test('rows come back as they were, in whatever order they are asked for', async () => {
  const store = await written('whole');
  expect(store.about).toEqual({ said: 'so' });
  expect(store.length).toBe(rows.length);
  expect([...store.inputLengths]).toEqual(rows.map(inputLength));
  expect([...(await store.lines())]).toEqual(rows.map(({ line }) => line));
  expect(await store.read(indicesUpTo(rows.length))).toEqual(plain(rows));
  const order = Int32Array.of(7, 8, 9, 3, 3, 1199, 0, 1);
  expect(await store.read(order)).toEqual(plain([...order].map((i) => rows[i] as StoredRow))); // indices of rows
  expect(await store.read(new Int32Array())).toEqual([]);
  await store.close();
});

test('a choice of rows is rows again, and groups of them are all of them', async () => {
  const store = await written('chosen');
  const odd = selectRows(
    store,
    indicesUpTo(rows.length).filter((i) => i % 2 === 1),
  );
  const expected = rows.filter((_, i) => i % 2 === 1);
  expect([...odd.inputLengths]).toEqual(expected.map(inputLength));
  const read: TokenRow[] = [];
  for await (const { start, group } of rowGroups(odd)) {
    expect(start).toBe(read.length);
    expect(group.length).toBeLessThanOrEqual(512);
    read.push(...group);
  }
  expect(read).toEqual(plain(expected));
  await store.close();
});

test('a row longer than what is written at once, and a store without rows', async () => {
  const long = row(1, 2_097_152 + 5);
  const store = await written('long', [row(1, 3), long, row(3, 2)]);
  expect((await store.read(Int32Array.of(1)))[0]).toEqual(plain([long])[0]);
  expect(store.tokensOf(1)).toBe(long.tokens.length);
  await store.close();
  const none = await written('none', []);
  expect([none.length, await none.read(new Int32Array())]).toEqual([0, []]);
  await none.close();
});

test('groups end with the row that makes them too large', async () => {
  const store = await written('large', [row(1, 1_048_575), row(2, 1), row(3, 1_048_576), row(4, 1), row(5, 1)]);
  const groups: number[] = [];
  for await (const { group } of rowGroups(store)) groups.push(group.length);
  expect(groups).toEqual([2, 1, 2]);
  await store.close();
});

test('a store whose writing failed is not there, and one from before stays', async () => {
  const failing = (name: string): Promise<void> =>
    writeTokenStore(at(name), async (append) => {
      await append(rows);
      throw new Error('the disk is full');
    });
  await expect(failing('half')).rejects.toThrow('the disk is full');
  expect(await openTokenStore(at('half'))).toBeUndefined();
  await (await written('before')).close();
  await expect(failing('before')).rejects.toThrow('the disk is full');
  const before = await openTokenStore(at('before'));
  expect(before?.length).toBe(rows.length);
  await before?.close();
  expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
});

test.each(['tokens.bin', 'rows.bin', 'store.json'])('a store with a spoilt or short %s is none', async (file) => {
  await (await written('spoilt')).close();
  const path = join(at('spoilt'), file);
  const bytes = await readFile(path);
  const spoilt = Uint8Array.from(bytes);
  spoilt[20] = (spoilt[20] ?? 0) ^ 1;
  await writeFile(path, spoilt);
  expect(await openTokenStore(at('spoilt'))).toBeUndefined();
  await writeFile(path, bytes);
  await (await openTokenStore(at('spoilt')))?.close();
  await truncate(path, bytes.byteLength - 4);
  expect(await openTokenStore(at('spoilt'))).toBeUndefined();
  await rm(path);
  expect(await openTokenStore(at('spoilt'))).toBeUndefined();
});

test('of several stores only those in use stay', async () => {
  const stores = at('stores');
  for (const name of ['a', 'b', 'c']) await (await written(join('stores', name))).close();
  await keepStores(stores, ['b']);
  expect(await readdir(stores)).toEqual(['b']);
});
