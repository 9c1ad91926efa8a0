import fc from 'fast-check';
import { expect, test } from 'vitest';
import { limits } from '../limits.ts';
import { bytesSource } from './bytes.ts';
import { readLines, type TextLine } from './jsonl.ts';

async function linesOf(content: string | Uint8Array, options?: Parameters<typeof readLines>[1]): Promise<TextLine[]> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const lines: TextLine[] = [];
  for await (const line of readLines(bytesSource(bytes), options)) lines.push(line);
  return lines;
}
const textsOf = async (...input: Parameters<typeof linesOf>): Promise<string[]> =>
  (await linesOf(...input)).map(({ text }) => text);

test('a line over the bound is named, the bound itself is read, and reading goes on', async () => {
  const options = { lineBytesMax: 8, chunkBytes: 3 };
  const content = '12345678\n123456789\n12345678\r\n123456789\r\n\n12345678901234567890123\nend';
  expect(await linesOf(content, options)).toEqual([
    { text: '12345678' },
    { text: '', problem: 'too-long' },
    { text: '12345678' },
    { text: '', problem: 'too-long' },
    { text: '' },
    { text: '', problem: 'too-long' },
    { text: 'end' },
  ]);
  expect(await linesOf('\ufeff12345678\n', options)).toEqual([{ text: '12345678' }]);
  expect(await linesOf('\ufeff123456789\n', options)).toEqual([{ text: '', problem: 'too-long' }]);
});

test('the bound of the product holds to the byte', async () => {
  const bound = new Uint8Array(limits.jsonlLineBytesMax).fill(0x61);
  expect((await linesOf(bound))[0]?.text).toHaveLength(limits.jsonlLineBytesMax);
  const over = new Uint8Array(limits.jsonlLineBytesMax + 1).fill(0x61);
  expect(await linesOf(over)).toEqual([{ text: '', problem: 'too-long' }]);
});

test('bytes that are not UTF-8 spoil their own line only', async () => {
  expect(await linesOf(Uint8Array.of(0x61, 0x0a, 0xff, 0x0a, 0x62))).toEqual([
    { text: 'a' },
    { text: '', problem: 'not-utf8' },
    { text: 'b' },
  ]);
});

test('a byte order mark, carriage returns and a missing last end leave no trace', async () => {
  expect(await textsOf('\ufeffa\r\nb\r\n')).toEqual(['a', 'b']);
  expect(await textsOf('a\nb')).toEqual(['a', 'b']);
  expect(await textsOf('a\n\n')).toEqual(['a', '']);
  expect(await textsOf('')).toEqual([]);
  expect(await textsOf('a\n\ufeffb')).toEqual(['a', '\ufeffb']);
});

test('any lines come back, however the file falls into chunks', async () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\n\r]/g, '').replace(/^\ufeff+/, ''));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.integer({ min: 1, max: 9 }), async (lines, chunkBytes) => {
      expect(await textsOf(lines.map((text) => `${text}\n`).join(''), { chunkBytes })).toEqual(lines);
    }),
    { numRuns: 200 },
  );
});
