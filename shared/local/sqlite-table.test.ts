import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, type LocalDatabase } from './database.ts';
import { recordSchema, SqliteTable } from './sqlite-table.ts';

let folder = '';
let database: LocalDatabase;
let seconds = 1000;
let table: SqliteTable;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lorary-table-'));
  database = openDatabase(join(folder, 'test.sqlite'), recordSchema, 'process-death');
  table = new SqliteTable(database, () => seconds * 1000);
});
afterAll(() => {
  database.close();
  rmSync(folder, { recursive: true });
});

test('two records with one key in an index are our own mistake, seen at once', async () => {
  const index1 = { partition: 'i', sort: 'same' };
  await table.put({ key: { partition: 'p', sort: 'a' }, value: {}, index1 });
  await expect(table.put({ key: { partition: 'p', sort: 'b' }, value: {}, index1 })).rejects.toThrow(/invariant/);
  expect(await table.get({ partition: 'p', sort: 'b' })).toBeUndefined();
  await table.put({ key: { partition: 'p', sort: 'a' }, value: { again: true }, index1 });
  const move = [
    { put: { key: { partition: 'p', sort: 'b' }, value: {}, index1 } },
    { delete: { partition: 'p', sort: 'a' } },
  ];
  await table.transact(move, { token: 'moves-the-key' });
  expect(await table.get({ partition: 'p', sort: 'b' })).toMatchObject({ index1 });
});

test('sweeping removes what has expired and nothing else', async () => {
  await table.put({ key: { partition: 's', sort: 'ends' }, value: {}, expiresAt: seconds + 10 });
  await table.put({ key: { partition: 's', sort: 'ends later' }, value: {}, expiresAt: seconds + 11 });
  await table.put({ key: { partition: 's', sort: 'stays' }, value: {} });
  seconds += 10;
  table.sweep();
  expect(database.prepare(`SELECT sort FROM records WHERE partition = 's' ORDER BY sort`).all()).toEqual([
    expect.objectContaining({ sort: 'ends later' }),
    expect.objectContaining({ sort: 'stays' }),
  ]);
});

test('every query finds its records by an index', () => {
  for (const prefix of ['', 'index1_', 'index2_']) {
    const plan = database
      .prepare<{ detail: string }>(
        `EXPLAIN QUERY PLAN SELECT * FROM records WHERE ${prefix}partition = ? AND (expires_at IS NULL OR expires_at > ?)
         AND ${prefix}sort > ? ORDER BY ${prefix}sort ASC LIMIT ?`,
      )
      .all('p', 0, 's', 10);
    expect(plan.map(({ detail }) => detail)).toEqual([expect.stringMatching(/^SEARCH records USING INDEX/)]);
  }
});
