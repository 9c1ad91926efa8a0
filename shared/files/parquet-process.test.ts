import { readFile } from 'node:fs/promises';
import { afterAll, expect, test } from 'vitest';
import { fuzzRandom } from '../../test/security/fuzz/fuzz-random.ts';
import { parquetTarget } from '../../test/security/fuzz/targets/tables.ts';
import { bytesSource, type ByteSource } from '../formats/bytes.ts';
import type { TextLine } from '../formats/jsonl.ts';
import { readParquetRows } from './parquet-rows.ts';
import { startParquetProcess } from './parquet-process.ts';

const file = new Uint8Array(await readFile('test/parity/fixtures/tables/chats.parquet'));
const apart = startParquetProcess({ seconds: 2, memoryMegabytes: 256 });
afterAll(() => apart.end());
const options = { columns: ['messages'] };

async function all(lines: AsyncIterable<TextLine>): Promise<TextLine[]> {
  const read: TextLine[] = [];
  for await (const line of lines) read.push(line);
  return read;
}

test('the lines are those that are read in this process, file after file', async () => {
  const expected = await all(readParquetRows(bytesSource(file), options));
  for (let i = 0; i < 2; i++) expect(await all(apart.rows(bytesSource(file), options))).toEqual(expected);
});

test('what is wrong with a file, or with reading it, is told as it is in this process', async () => {
  const torn = bytesSource(file.slice(0, 100), 'torn.parquet');
  await expect(all(apart.rows(torn, options))).rejects.toMatchObject({ name: 'DomainError', code: 'parquet' });
  const failing: ByteSource = { name: 'x', sizeBytes: 1000, read: () => Promise.reject(new Error('the disk is gone')) };
  await expect(all(apart.rows(failing, options))).rejects.toThrow('the disk is gone');
  expect(await all(apart.rows(bytesSource(file), options))).not.toEqual([]);
});

test('a file that makes the library loop is refused in time, and the next one is read', async () => {
  const endless = parquetTarget.input(fuzzRandom(1, 625)); // found by `npm run test:security`
  await expect(all(apart.rows(bytesSource(endless, 'endless.parquet'), options))).rejects.toMatchObject({
    code: 'parquet-runaway',
    message: expect.stringContaining('endless.parquet') as string,
  });
  expect(await all(apart.rows(bytesSource(file), options))).not.toEqual([]);
});

test('a file for which there is no memory ends the process that reads it, and no other', async () => {
  const small = startParquetProcess({ seconds: 20, memoryMegabytes: 128 });
  const endless = parquetTarget.input(fuzzRandom(1, 16_366));
  await expect(all(small.rows(bytesSource(endless, 'large.parquet'), options))).rejects.toMatchObject({
    code: 'parquet-runaway',
    message: expect.stringContaining('128 MB of memory') as string,
  });
  expect(await all(small.rows(bytesSource(file), options))).not.toEqual([]);
  await small.end();
});
