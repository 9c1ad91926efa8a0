import { CsvError, parse } from 'csv-parse';
import { limits } from '../limits.ts';
import type { ByteSource } from '../formats/bytes.ts';
import { rowLine, type TextLine } from '../formats/jsonl.ts';

/**
 * The rows of a CSV file (RFC 4180, UTF-8) as JSON objects, keyed by its first record. Cells are text; those of `messages` and `tools` hold
 * JSON. A row that cannot be read is yielded with its problem and reading goes on; where quotes are torn, nothing behind can be told apart
 * and reading ends. Memory is bounded by the largest row allowed.
 */
export async function* readCsvRows(source: ByteSource, delimiter: ',' | '\t' = ','): AsyncGenerator<TextLine> {
  const records: string[][] = [];
  const feed = csvFeed(delimiter, (record) => records.push(record));
  let header: readonly string[] | undefined;
  const decoder = new TextDecoder('utf-8', { fatal: true }); // what is not UTF-8 would become other letters without a word
  for (let offset = 0; offset <= source.sizeBytes; offset += limits.jsonlChunkBytes) {
    const chunk = await source.read(offset, Math.min(limits.jsonlChunkBytes, source.sizeBytes - offset));
    const last = offset + chunk.byteLength === source.sizeBytes;
    let problem: TextLine | undefined;
    try {
      decoder.decode(chunk, { stream: !last });
      await feed(chunk, last);
    } catch (error) {
      problem = problemOf(error);
    }
    if (!header) {
      header = records.shift()?.map((name) => name.trim());
      const twice = header && headerProblem(header);
      if (twice) {
        yield twice;
        return;
      }
    }
    for (const record of records.splice(0)) yield rowOf(header ?? [], record);
    if (problem) {
      yield problem;
      return;
    }
  }
}

/** Takes bytes and hands on every record that ends in them; rejects with what is wrong, after the records before it. */
function csvFeed(
  delimiter: string,
  take: (record: string[]) => void,
): (chunk: Uint8Array, last: boolean) => Promise<void> {
  const parser = parse({
    delimiter,
    bom: true,
    record_delimiter: ['\r\n', '\n', '\r'], // else the first line's end is taken for that of every line
    max_record_size: limits.jsonlLineBytesMax,
    relax_column_count: true,
    skip_empty_lines: true,
    on_record(record: string[]) {
      take(record);
      return null;
    },
  });
  parser.resume();
  parser.on('error', () => undefined); // whoever fed it is told
  return (chunk, last) =>
    new Promise((fulfil, reject) => {
      parser.once('error', reject);
      const done = (error?: Error | null): void => {
        parser.off('error', reject);
        if (error) reject(error);
        else fulfil();
      };
      if (last) parser.end(chunk, done);
      else parser.write(chunk, done);
    });
}

function headerProblem(header: readonly string[]): TextLine | undefined {
  const twice = header.find((name, i) => header.indexOf(name) !== i);
  return twice === undefined
    ? undefined
    : { text: '', problem: 'not-csv', detail: `the header names "${twice}" twice` };
}

function problemOf(error: unknown): TextLine {
  if (error instanceof CsvError) return { text: '', problem: 'not-csv', detail: meaning(error) };
  if (error instanceof TypeError) return { text: '', problem: 'not-utf8' };
  throw error;
}

const jsonColumns: readonly string[] = ['messages', 'tools'];

function rowOf(header: readonly string[], cells: readonly string[]): TextLine {
  if (cells.length !== header.length)
    return {
      text: '',
      problem: 'cell-count',
      detail: `has ${cells.length} cells, but the header names ${header.length}: quote cells that hold the delimiter`,
    };
  const row: Record<string, unknown> = {};
  for (const [i, name] of header.entries()) {
    const cell = cells[i] ?? '';
    if (!jsonColumns.includes(name)) row[name] = cell;
    else if (cell.trim() !== '')
      try {
        row[name] = JSON.parse(cell);
      } catch {
        return { text: '', problem: 'cell-not-json', detail: `the cell "${name}" is not valid JSON` };
      }
  }
  return rowLine(row);
}

function meaning({ code, message }: CsvError): string {
  if (code === 'CSV_MAX_RECORD_SIZE')
    return `a row is larger than ${limits.jsonlLineBytesMax} bytes, or a quote is missing at its end; nothing behind it was read`;
  return `${message}; nothing behind it was read`;
}
