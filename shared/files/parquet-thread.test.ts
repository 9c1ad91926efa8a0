import { readFile } from 'node:fs/promises';
import { afterAll, expect, test } from 'vitest';
import { fuzzRandom } from '../../test/security/fuzz/fuzz-random.ts';
import { parquetTarget } from '../../test/security/fuzz/targets/tables.ts';
import { bytesSource, type ByteSource } from '../formats/bytes.ts';
import type { TextLine } from '../formats/jsonl.ts';
import { readParquetRows } from './parquet-rows.ts';
import { startParquetThread } from './parquet-thread.ts';

const file = new Uint8Array(await readFile('test/parity/fixtures/tables/chats.parquet'));
const thread = startParquetThread({ seconds: 2, memoryMegabytes: 256 });
afterAll(() => thread.end());
const options = { columns: ['messages'] };

async function all(lines: AsyncIterable<TextLine>): Promise<TextLine[]> {
  const read: TextLine[] = [];
  for await (const line of lines) read.push(line);
  return read;
}

test('the lines are those that are read without a thread, file after file', async () => {
  const expected = await all(readParquetRows(bytesSource(file), options));
  for (let i = 0; i < 2; i++) expect(await all(thread.rows(bytesSource(file), options))).toEqual(expected);
});

test('what is wrong with a file, or with reading it, is told as it is without a thread', async () => {
  const torn = bytesSource(file.slice(0, 100), 'torn.parquet');
  await expect(all(thread.rows(torn, options))).rejects.toMatchObject({ name: 'DomainError', code: 'parquet' });
  const failing: ByteSource = { name: 'x', sizeBytes: 1000, read: () => Promise.reject(new Error('the disk is gone')) };
  await expect(all(thread.rows(failing, options))).rejects.toThrow('the disk is gone');
  expect(await all(thread.rows(bytesSource(file), options))).not.toEqual([]);
});

test('a file that makes the library loop is refused in time, and the next one is read', async () => {
  const endless = parquetTarget.input(fuzzRandom(1, 625)); // found by `npm run test:security`
  await expect(all(thread.rows(bytesSource(endless, 'endless.parquet'), options))).rejects.toMatchObject({
    code: 'parquet-runaway',
    message: expect.stringContaining('endless.parquet') as string,
  });
  expect(await all(thread.rows(bytesSource(file), options))).not.toEqual([]);
});
