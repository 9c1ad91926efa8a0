import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UnavailableError } from '../errors.ts';
import { openDatabase, type LocalDatabase } from './database.ts';

const schema = 'CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY)';

const waitMilliseconds = 200;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lorary-database-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a database that another writer holds is unavailable after the wait, and free afterwards', () => {
  const [one, other] = [open(), open()];
  one.write(() => {
    const started = performance.now();
    expect(() => other.write(() => undefined)).toThrow(UnavailableError);
    expect(performance.now() - started).toBeGreaterThan(waitMilliseconds - 50);
    // readers do not wait
    expect(names(other)).toEqual([]);
  });
  other.write(() => add(other, 'a'));
  expect(names(one)).toEqual(['a']);
  one.close();
  other.close();
});

test('what a transaction wrote before it failed is undone', () => {
  const database = open();
  const failing = (): void =>
    database.write(() => {
      add(database, 'a');
      throw new Error('planted');
    });
  expect(failing).toThrow('planted');
  expect(names(database)).toEqual([]);
  database.write(() => add(database, 'b'));
  expect(() => database.write(() => add(database, 'b'))).toThrow(/UNIQUE/);
  expect(names(database)).toEqual(['b']);
  database.close();
});

test('a file that is no database is named as damaged', () => {
  writeFileSync(join(folder, 'test.sqlite'), 'this is not a database, and long enough to be looked at'.repeat(100));
  expect(open).toThrow(expect.objectContaining({ code: 'damaged-database' }));
});

test('both degrees of durability are set as asked', () => {
  for (const [durability, level] of [
    ['power-loss', 2],
    ['process-death', 1],
  ] as const) {
    const database = openDatabase(join(folder, 'test.sqlite'), schema, durability);
    expect(database.prepare('PRAGMA synchronous').get()).toMatchObject({ synchronous: level });
    expect(database.prepare('PRAGMA journal_mode').get()).toMatchObject({ journal_mode: 'wal' });
    database.close();
  }
});

function open(): LocalDatabase {
  return openDatabase(join(folder, 'test.sqlite'), schema, 'process-death', waitMilliseconds);
}

function add(database: LocalDatabase, name: string): void {
  database.prepare('INSERT INTO things VALUES (?)').run(name);
}

function names(database: LocalDatabase): string[] {
  return database
    .prepare<{ name: string }>('SELECT name FROM things')
    .all()
    .map(({ name }) => name);
}
