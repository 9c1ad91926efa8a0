import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byteTokenizer } from '../../test/support/small-tokenizers.ts';
import { DomainError } from '../errors.ts';
import type { TextLine } from '../formats/jsonl.ts';
import { limits } from '../limits.ts';
import { readDataset } from '../text/dataset.ts';
import { rowKeys } from '../text/row-format.ts';
import { loadTokenizer } from '../text/tokenizer.ts';
import { openFileSource } from './file-source.ts';
import { readParquetRows } from './parquet-rows.ts';
import { holdsJsonLines, openRowFiles } from './row-files.ts';

const tables = 'test/parity/fixtures/tables';

async function read(path: string): Promise<TextLine[]> {
  const lines: TextLine[] = [];
  for await (const line of (await openRowFiles(path, rowKeys)).lines()) lines.push(line);
  return lines;
}
const rowsOf = async (path: string): Promise<unknown[]> => (await read(path)).map(({ text }) => JSON.parse(text));

describe('tables as pyarrow and Python write them', () => {
  it.each(['snappy', 'zstd', 'gzip', 'brotli', 'lz4', 'none'])('Parquet, %s', async (compression) => {
    expect(await rowsOf(join(tables, `pairs-${compression}.parquet`))).toEqual(
      await rowsOf(join(tables, 'pairs.jsonl')),
    );
  });

  it.each(['pairs.csv', 'pairs.tsv'])('%s', async (file) => {
    expect(await rowsOf(join(tables, file))).toEqual(await rowsOf(join(tables, 'pairs.jsonl')));
  });

  it('conversations: lists of structs in Parquet, without the keys that are null', async () => {
    expect(await rowsOf(join(tables, 'chats.parquet'))).toEqual(await rowsOf(join(tables, 'chats.jsonl')));
  });

  it('conversations: JSON in the cells of a CSV file', async () => {
    const rows = (await rowsOf(join(tables, 'chats.csv'))) as { messages: object[] }[];
    expect(rows.map(({ messages }) => messages.length)).toEqual([4, 5, 2]);
    expect(rows[0]).toMatchObject({ id: '0', messages: [{}, { content: null }, {}, {}] });
  });
});

describe('a table that is not what it should be', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'lorary-tables-'))));
  afterAll(() => rm(folder, { recursive: true }));

  const written = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const problems = async (name: string, content: string | Uint8Array): Promise<(string | undefined)[]> =>
    (await read(await written(name, content))).map(({ problem, text }) => problem ?? text);

  it('rows of too many or too few cells, and cells that are no JSON, spoil themselves alone', async () => {
    expect(await problems('a.csv', 'prompt,completion\na,b\nc\nd,e,f\n\ng,h\n')).toEqual([
      '{"prompt":"a","completion":"b"}',
      'cell-count',
      'cell-count',
      '{"prompt":"g","completion":"h"}',
    ]);
    expect(await problems('b.csv', 'messages,tools\n[],\nx,\n')).toEqual(['{"messages":[]}', 'cell-not-json']);
  });

  it('torn quotes, other encodings and a column named twice end the reading', async () => {
    expect(await problems('c.csv', 'text\nab\n"cd\nef\n')).toEqual(['{"text":"ab"}', 'not-csv']);
    expect(await problems('d.csv', 'text\nab\n"c"d\nef\n')).toEqual(['{"text":"ab"}', 'not-csv']);
    expect(await problems('e.csv', Uint8Array.of(...Buffer.from('text\nab\n'), 0xe4, 0x0a))).toContain('not-utf8');
    expect(await problems('f.csv', 'text,text\na,b\n')).toEqual(['not-csv']);
    expect(await problems('g.csv', '')).toEqual([]);
  });

  it('each line has an end of its own, of any kind', async () => {
    const rows = ['{"text":"a"}', '{"text":"b"}', '{"text":"c"}', '{"text":"d"}'];
    expect(await problems('m.csv', 'text\na\r\nb\nc\rd\r\n')).toEqual(rows);
  });

  it('a row of as many bytes as the bound is read, and one more is not', async () => {
    const bound = limits.jsonlLineBytesMax - '{"t":""}'.length;
    const [line] = await read(await written('h.csv', `t\n${'a'.repeat(bound)}\n`));
    expect(line?.text).toHaveLength(limits.jsonlLineBytesMax);
    // in bytes, not in letters
    expect(await problems('i.csv', `t\nä${'a'.repeat(bound - 1)}\n`)).toEqual(['too-long']);
    // what a torn quote makes of the rest of a file is not kept
    expect(await problems('j.csv', `t\n"${'a\n'.repeat(limits.jsonlLineBytesMax)}`)).toEqual(['not-csv']);
  });

  it('Parquet that is cut, empty or something else is named', async () => {
    const whole = await readFile(join(tables, 'pairs-snappy.parquet'));
    for (const [name, bytes] of [
      ['cut.parquet', whole.subarray(0, whole.length / 2)],
      ['empty.parquet', new Uint8Array()],
      ['text.parquet', Buffer.from('{"text": "not a table at all"}\n')],
    ] as const)
      await expect(written(name, bytes).then(read)).rejects.toThrow(
        new RegExp(`${name.replace('.', '\\.')} cannot be read as Parquet: `),
      );
    const torn = Uint8Array.from(whole);
    torn.fill(0xff, 4, 400);
    await expect(written('torn.parquet', torn).then(read)).rejects.toThrow(DomainError);
  });

  it('a row group of as many bytes as the bound is read, and one of more is not', async () => {
    const path = join(tables, 'pairs-zstd.parquet');
    const source = await openFileSource(path);
    const readWithin = async (groupBytesMax: number): Promise<number> => {
      let rows = 0;
      for await (const _ of readParquetRows(source, { columns: rowKeys, groupBytesMax })) rows++;
      return rows;
    };
    try {
      const over: unknown = await readWithin(0).catch((error: unknown) => error);
      const bytes = Number(/has (\d+) bytes unpacked/.exec(String(over))?.[1]);
      expect(await readWithin(bytes)).toBe(7);
      await expect(readWithin(bytes - 1)).rejects.toThrow(/row_group_size/);
    } finally {
      await source.close();
    }
  });

  it('a folder is read by name, whatever its kinds, and every row is called by its file', async () => {
    const data = join(folder, 'data');
    await mkdir(join(data, 'more', '.hidden'), { recursive: true });
    await writeFile(join(data, 'a.jsonl'), '{"text":"a1"}\n{"text":"a2"}\n');
    await writeFile(join(data, 'b.csv'), 'text\nb1\nb2\n');
    await writeFile(join(data, 'more', 'c.jsonl'), '{"text":"c1"}\n{"txt":"c2"}\n{"text":"b2"}\n');
    await writeFile(join(data, 'more', '.hidden', 'd.jsonl'), 'no');
    await writeFile(join(data, 'README.md'), 'no');
    const files = await openRowFiles(data, rowKeys);
    const tokenizer = loadTokenizer({
      tokenizerJson: byteTokenizer({ special: ['<|eos|>'] }),
      tokenizerConfig: { eos_token: '<|eos|>' },
    });
    const lines: number[] = [];
    const { findings } = await readDataset(files.lines(), { tokenizer }, { ...files, contextMax: 9 }, (rows) => {
      for (const { line } of rows) lines.push(line);
    });
    expect(lines).toEqual([1, 2, 3, 4, 5, 7]);
    expect(findings.map(({ where, message }) => `${where} ${message}`)).toEqual([
      'more/c.jsonl:2 is not of the form {"text"}, which the first row has; it has "txt"',
      'more/c.jsonl:3 is the same as b.csv row 2',
    ]);
  });

  it('a folder without rows, or with too many files, is refused', async () => {
    const none = join(folder, 'none');
    await mkdir(none);
    await expect(openRowFiles(none, rowKeys)).rejects.toThrow(/holds no rows: wanted are files \.jsonl, /);
    const many = join(folder, 'many');
    await mkdir(many);
    for (let i = 0; i < limits.datasetFilesMax; i++) await writeFile(join(many, `${i}.csv`), 'text\na\n');
    await expect(openRowFiles(many, rowKeys)).resolves.toBeDefined();
    await cp(join(many, '0.csv'), join(many, 'z.csv'));
    await expect(openRowFiles(many, rowKeys)).rejects.toThrow(/10001 files/);
  });

  it('knows what is JSON lines already', async () => {
    expect(await holdsJsonLines(join(tables, 'pairs.jsonl'))).toBe(true);
    expect(await holdsJsonLines(join(tables, 'pairs.csv'))).toBe(false);
    expect(await holdsJsonLines(tables)).toBe(false);
  });
});
