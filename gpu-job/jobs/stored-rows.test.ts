import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { openBaseText, type BaseText } from './base-text.ts';
import type { JobContext } from './job-context.ts';
import { storedRows, temporaryRows } from './stored-rows.ts';

let folder = '';
let text: BaseText;
const at = (name: string): string => join(folder, name);
const lines = (count: number): string =>
  Array.from({ length: count }, (_, i) => `${JSON.stringify({ text: `row ${i % 500}` })}\n`).join('');
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-stored-rows-'));
  await writeTinyBase(at('base'));
  text = await openBaseText(at('base'));
  await writeFile(at('rows.jsonl'), lines(600));
});
afterAll(async () => {
  await text.close();
  await rm(folder, { recursive: true });
});

const stored = async (store: string, changes: object = {}, context: JobContext = rememberingContext()) => {
  const wanted = { path: at('rows.jsonl'), text, contextMax: 64, ...changes };
  const { rows, name, findings } = await storedRows(at(store), wanted, context);
  await rows.close();
  return { name, count: rows.length, findings };
};
/** A clock on which every look is ten seconds later, so that every batch of rows is worth a word. */
const slow = (stopAfter?: number): ReturnType<typeof rememberingContext> => {
  let now = 0;
  return { ...rememberingContext(stopAfter), now: () => (now += 10_000) };
};

test('the rows of the same bytes, tokenizer and options are read once', async () => {
  const first = await stored('tokens');
  expect(first.count).toBe(600);
  expect(first.findings.at(-1)?.message).toMatch(/^80 more rows: is the same as/);
  const long = new Date(2000, 1);
  await utimes(join(at('tokens'), first.name), long, long);
  expect(await stored('tokens', { longRows: 'refuse' })).toEqual(first);
  expect((await stat(join(at('tokens'), first.name))).mtime).toEqual(long);
  expect(await readdir(at('tokens'))).toEqual([first.name]);
});

test('other options, another tokenizer, other rows or another file name are read anew', async () => {
  await writeFile(at('more.jsonl'), lines(601));
  await mkdir(at('named'));
  await writeFile(join(at('named'), 'other.jsonl'), lines(600));
  const changes = [
    {},
    { contextMax: 63 },
    { longRows: 'split' },
    { text: { ...text, sha256: 'another' } },
    { path: at('more.jsonl') },
    { path: join(at('named'), 'other.jsonl') },
    { path: at('named') },
  ];
  const names = new Set<string>();
  for (const change of changes) names.add((await stored('several', change)).name);
  expect(names.size).toBe(changes.length);
});

test('a store that a disk spoilt is written again', async () => {
  const { name } = await stored('spoilt');
  await writeFile(join(at('spoilt'), name, 'tokens.bin'), 'nothing');
  expect((await stored('spoilt')).count).toBe(600);
});

test('what is read long is told, and can be stopped; then there is no store', async () => {
  const telling = slow();
  await stored('told', {}, telling);
  expect(telling.events.map((event) => event.type === 'progress' && [event.stage, event.unit])).toEqual([
    ['read', 'bytes'],
    ['read', 'bytes'],
    ['read', 'bytes'],
  ]);
  const stopping = slow(1);
  await expect(stored('stopped', {}, stopping)).rejects.toThrow(UnavailableError);
  expect(await readdir(at('stopped'))).toEqual([]);
});

test('temporary rows leave nothing, whether they are used or there are none', async () => {
  const temporary = async (): Promise<string[]> =>
    (await readdir(tmpdir())).filter((name) => name.startsWith('lorary-tokens-'));
  const before = await temporary();
  const { rows } = await temporaryRows({ path: at('rows.jsonl'), text, contextMax: 64 }, rememberingContext());
  if (process.platform !== 'win32') expect(await temporary()).toEqual(before);
  expect(await rows.read(Int32Array.of(599))).toHaveLength(1);
  await rows.close();
  expect(await temporary()).toEqual(before);
  const missing = temporaryRows({ path: at('none.jsonl'), text, contextMax: 64 }, rememberingContext());
  await expect(missing).rejects.toThrow(DomainError);
  expect(await temporary()).toEqual(before);
});
