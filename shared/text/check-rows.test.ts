import { expect, test } from 'vitest';
import { bytesSource } from '../formats/bytes.ts';
import { readLines } from '../formats/jsonl.ts';
import { checkRows } from './check-rows.ts';

const check = (text: string) =>
  checkRows(readLines(bytesSource(new TextEncoder().encode(text))), { name: 'data.jsonl' });

test('says of every row what is wrong with it, and of an empty file that it is empty', async () => {
  const { format, lines, findings } = await check(
    '{"prompt":"a","completion":"b"}\n{"prompt":"a"}\nnot json\n{"prompt":"a","completion":""}\n',
  );
  expect([format, lines]).toEqual(['prompt-completion', 4]);
  expect(findings.map(({ code, where }) => `${code} ${where}`)).toEqual([
    'row-format data.jsonl:2',
    'line-not-json data.jsonl:3',
    'completion-empty data.jsonl:4',
  ]);
  expect((await check('\n')).findings.map(({ code }) => code)).toContain('dataset-empty');
});

test('finds nothing in good rows', async () => {
  expect(await check('{"text":"a"}\n{"text":"b"}')).toEqual({ format: 'text', lines: 2, findings: [] });
});
