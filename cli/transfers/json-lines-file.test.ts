import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withJsonLines } from './json-lines-file.ts';

const tables = 'test/parity/fixtures/tables';
const read = (path: string): Promise<string> => readFile(path, 'utf8');

test('JSON lines are used where they stand', async () => {
  const path = join(tables, 'pairs.jsonl');
  expect(await withJsonLines(path, (used) => Promise.resolve(used))).toBe(path);
});

test('a table becomes JSON lines, the same every time, which are gone afterwards', async () => {
  let place = '';
  const rows = await withJsonLines(join(tables, 'pairs-zstd.parquet'), (used) => read((place = used)));
  expect(rows).toBe(await withJsonLines(join(tables, 'pairs-snappy.parquet'), read));
  expect(
    rows
      .split('\n')
      .filter(Boolean)
      .map((row) => JSON.parse(row) as unknown),
  ).toEqual(
    (await read(join(tables, 'pairs.jsonl')))
      .split('\n')
      .filter(Boolean)
      .map((row) => JSON.parse(row) as unknown),
  );
  await expect(stat(place)).rejects.toThrow(/ENOENT/);
});

test('a table of more than the stream holds comes through whole', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-table-'));
  try {
    const path = join(folder, 'long.csv');
    const texts = Array.from({ length: 5000 }, (_, i) => `${i} ${'x'.repeat(200)}`);
    await writeFile(path, ['text', ...texts].join('\n'));
    const rows = (await withJsonLines(path, read)).trim().split('\n');
    expect(rows.map((row) => (JSON.parse(row) as { text: string }).text)).toEqual(texts);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('all rows that cannot be read are named, and nothing is used', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-table-'));
  try {
    const path = join(folder, 'torn.csv');
    await writeFile(path, 'prompt,completion\na,b\nc\nd,e\nf,g,h\n');
    const used = withJsonLines(path, () => Promise.reject(new Error('used')));
    await expect(used).rejects.toThrow(/torn\.csv row 2: has 1 cells.*\n.*torn\.csv row 4: has 3 cells/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
