import { lineProblem, type TextLine } from '../formats/jsonl.ts';
import type { DatasetFindings } from './dataset-findings.ts';
import type { NumberedRow } from './encode-row.ts';
import { firstPlaces } from './first-places.ts';
import {
  describeFormat,
  detectFormats,
  hint,
  parseRow,
  rowFormats,
  type DatasetRow,
  type RowFormat,
} from './row-format.ts';

/**
 * Parses lines into rows and keeps what spans them: the format, the count, which rows were seen. Everything that is wrong goes into
 * `findings`; only good rows come out.
 */
export function rowReader(findings: DatasetFindings, rowsMax: number) {
  const seen = firstPlaces();
  let format: RowFormat | undefined;
  let [count, duplicates] = [0, 0];
  const error = (code: string, message: string, line: number): void =>
    findings.add({ severity: 'error', code, message }, line);

  /** The row, `skip` when it is none or a bad one, `stop` when the file can make no sense. */
  const readRow = (given: TextLine, line: number): DatasetRow | 'skip' | 'stop' => {
    const { text } = given;
    const problem = lineProblem(given);
    if (problem !== undefined) {
      error(`line-${given.problem}`, problem, line);
      return 'skip';
    }
    const [value, reason] = parseJson(text);
    if (count === 1 && (Array.isArray(value) || /^[[{]$/.test(text.trim()))) {
      error('not-jsonl', 'this is one JSON document; wanted is one JSON object on every line', line);
      return 'stop';
    }
    if (reason !== undefined) {
      error('line-not-json', `is not valid JSON: ${reason}`, line);
      return 'skip';
    }
    if (format === undefined) {
      const formats = detectFormats(value);
      format = formats[0];
      if (format === undefined) {
        error('format-unknown', `the first row has none of the forms ${knownFormats}${hint(value)}`, line);
        return 'stop';
      }
      if (formats.length > 1)
        findings.add({ severity: 'warning', code: 'format-several', message: severalText(formats) }, line);
    }
    const parsed = parseRow(value, format);
    if ('row' in parsed) return parsed.row;
    for (const note of parsed.notes) findings.add(note, line);
    return 'skip';
  };

  return {
    format: () => format,
    lines: () => count,
    duplicates: () => duplicates,
    async *batches(
      lines: AsyncIterable<string | TextLine> | Iterable<string | TextLine>,
    ): AsyncGenerator<NumberedRow[]> {
      let batch: NumberedRow[] = [];
      let [line, chars, blank] = [0, 0, 0];
      for await (const given of lines) {
        line++;
        const read: TextLine = typeof given === 'string' ? { text: withoutMark(given, line) } : given;
        const { text } = read;
        if (!read.problem && text.trim() === '') {
          blank ||= line;
          continue;
        }
        if (blank > 0)
          findings.add({ severity: 'warning', code: 'line-empty', message: 'is empty and is passed over' }, blank);
        blank = 0;
        if (++count > rowsMax) {
          error('too-many-rows', `the file has more than ${rowsMax} rows: split it`, line);
          break;
        }
        const row = readRow(read, line);
        if (row === 'stop') break;
        if (row === 'skip') continue;
        const first = seen.firstOf(rowKey(row), line);
        if (first !== undefined) {
          duplicates++;
          findings.add(
            { severity: 'warning', code: 'row-duplicate', message: `is the same as ${findings.placeOf(first)}` },
            line,
          );
        }
        batch.push({ line, row });
        chars += text.length;
        if (batch.length < batchRows && chars < batchChars) continue;
        yield batch;
        [batch, chars] = [[], 0];
      }
      if (batch.length > 0) yield batch;
      if (count === 0)
        findings.add({
          severity: 'error',
          code: 'dataset-empty',
          message: `holds no rows; wanted are lines of ${knownFormats}`,
        });
    },
  };
}

/** Rows and characters that are parsed before they are encoded together: enough for the template's thread, little memory. */
const batchRows = 256;
const batchChars = 4_194_304;

const knownFormats = rowFormats.map(describeFormat).join(', ');

const severalText = ([first, ...others]: readonly RowFormat[]): string =>
  `the rows have keys of several forms: ${first ? describeFormat(first) : ''} is read, ${others.map(describeFormat).join(' and ')} is not`;

const withoutMark = (text: string, line: number): string => (line === 1 ? text.replace(/^\uFEFF/, '') : text);

function parseJson(text: string): [value: unknown, reason?: string] {
  try {
    return [JSON.parse(text) as unknown];
  } catch (error) {
    return [undefined, error instanceof Error ? error.message.slice(0, 160) : ''];
  }
}

function rowKey(row: DatasetRow): string {
  if (row.format === 'text') return row.text;
  if (row.format === 'prompt-completion') return JSON.stringify([row.prompt, row.completion]);
  return JSON.stringify([row.messages, row.tools, row.trainedFrom]);
}
