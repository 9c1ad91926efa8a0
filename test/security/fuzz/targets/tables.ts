import { readFileSync } from 'node:fs';
import { DomainError } from '../../../../shared/errors.ts';
import { readCsvRows } from '../../../../shared/files/csv-rows.ts';
import { startParquetProcess } from '../../../../shared/files/parquet-process.ts';
import { readParquetRows } from '../../../../shared/files/parquet-rows.ts';
import { bytesSource } from '../../../../shared/formats/bytes.ts';
import type { TextLine } from '../../../../shared/formats/jsonl.ts';
import { rowKeys } from '../../../../shared/text/row-format.ts';
import { damageBytes } from '../damage-bytes.ts';
import type { FuzzRandom } from '../fuzz-random.ts';
import { Unsound, type FuzzTarget } from '../target.ts';

async function linesOf(lines: AsyncIterable<TextLine>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text, problem } of lines) {
    if (problem) throw new DomainError(problem, 'a row cannot be read');
    texts.push(text);
  }
  return texts;
}

const cells = [
  'a',
  'b c',
  '',
  ' ',
  '1',
  'é𝒳',
  '"',
  'x"y',
  'a,b',
  'line\nbreak',
  'crlf\r\nbreak',
  '""',
  '\t',
  "'",
  '=1+1',
];

export const csvTarget: FuzzTarget = {
  name: 'csv',
  input(random) {
    const columns = random.several(1, 3, (at) => ['prompt', 'completion', 'note'][at] ?? 'more');
    const quoted = (cell: string): string =>
      /[",\n\r]/.test(cell) || random.chance(0.3) ? `"${cell.replaceAll('"', '""')}"` : cell;
    const rows = random.several(0, 5, () => columns.map(() => quoted(random.pick(cells))));
    if (rows.length > 0 && random.chance(0.1)) random.pick(rows).push('more');
    const end = random.pick(['\n', '\r\n']);
    const text = [columns.map(quoted), ...rows].map((row) => row.join(',')).join(end) + random.pick(['', end]);
    const bytes = new TextEncoder().encode(random.chance(0.1) ? `\ufeff${text}` : text);
    return random.chance(0.3) ? damageBytes(random, bytes) : bytes;
  },
  read: (bytes) => readCsv(bytes, recordsOf),
  planted: {
    fault: 'lines that are taken for rows',
    read: (bytes) =>
      readCsv(bytes, (text) =>
        text
          .split(/\r?\n/)
          .filter((line) => line !== '')
          .map((line) => line.split(',')),
      ),
  },
};

/** What was read must be what another, plain reading of RFC 4180 finds. */
async function readCsv(bytes: Uint8Array, records: (text: string) => string[][]): Promise<void> {
  const lines = await linesOf(readCsvRows(bytesSource(bytes)));
  const [header = [], ...rows] = records(new TextDecoder('utf-8').decode(bytes));
  const names = header.map((name) => name.trim());
  if (names.some((name) => name === 'messages' || name === 'tools' || name === '__proto__')) return;
  const expected = rows.map((row) => JSON.stringify(Object.fromEntries(names.map((name, i) => [name, row[i]]))));
  for (const [i, line] of lines.entries())
    if (line !== expected[i]) throw new Unsound(`row ${i + 1} is ${line}, not ${String(expected[i])}`);
  if (lines.length !== expected.length) throw new Unsound(`${lines.length} rows of ${expected.length}`);
}

/** The records of a CSV text that is sound, without empty lines. */
function recordsOf(text: string): string[][] {
  const records: string[][] = [];
  let [record, cell, isQuoted, wasQuoted] = [[] as string[], '', false, false];
  const endCell = (): void => {
    record.push(cell);
    [cell, wasQuoted] = ['', false];
  };
  const endRecord = (): void => {
    const isEmpty = record.length === 0 && cell === '' && !wasQuoted;
    endCell();
    if (!isEmpty) records.push(record);
    record = [];
  };
  for (let i = 0; i < text.length; i++) {
    const letter = text[i] ?? '';
    if (isQuoted && letter === '"' && text[i + 1] === '"') [cell, i] = [`${cell}"`, i + 1];
    else if (isQuoted && letter === '"') isQuoted = false;
    else if (isQuoted) cell += letter;
    else if (letter === '"') [isQuoted, wasQuoted] = [true, true];
    else if (letter === ',') endCell();
    else if (letter === '\n') endRecord();
    else if (letter === '\r' && text[i + 1] === '\n') [i] = [i + 1, endRecord()];
    else if (letter === '\r') endRecord();
    else cell += letter;
  }
  if (record.length > 0 || cell !== '' || wasQuoted) endRecord();
  return records;
}

const tables = ['chats', 'pairs-none', 'pairs-snappy', 'pairs-gzip', 'pairs-zstd', 'pairs-lz4', 'pairs-brotli'].map(
  (name) => new Uint8Array(readFileSync(`test/parity/fixtures/tables/${name}.parquet`)),
);

/** So short that damaged files may come often; sound ones take some milliseconds. */
const apart = startParquetProcess({ seconds: 1, memoryMegabytes: 128 });

export const parquetTarget: FuzzTarget = {
  name: 'parquet',
  input: (random) => parquetInput(random),
  read: (bytes) => linesOf(apart.rows(bytesSource(bytes), { columns: rowKeys })),
  planted: {
    fault: 'a library that reads for as long as it likes',
    read: (bytes) => linesOf(readParquetRows(bytesSource(bytes), { columns: rowKeys })),
  },
  close: () => apart.end(),
};

function parquetInput(random: FuzzRandom): Uint8Array {
  let bytes: Uint8Array = random.pick(tables);
  if (random.chance(0.15)) return bytes;
  for (let i = 1 + random.below(2); i > 0; i--) {
    // what describes the file stands at its end
    const footer = bytes.slice(Math.max(0, bytes.length - 1200));
    const front = bytes.slice(0, bytes.length - footer.length);
    bytes = random.chance(0.6)
      ? Uint8Array.from([...front, ...damageBytes(random, footer)])
      : damageBytes(random, bytes);
  }
  return bytes;
}
