import type { Finding } from '../errors.ts';
import type { TextLine } from '../formats/jsonl.ts';
import { limits } from '../limits.ts';
import { datasetFindings, type DatasetFindings } from './dataset-findings.ts';
import { encodeRows, type EncodedParts, type EncodedRow, type NumberedRow, type RowEncoder } from './encode-row.ts';
import { fitRow, type LongRows } from './fit-row.ts';
import {
  describeFormat,
  detectFormats,
  hint,
  parseRow,
  rowFormats,
  type DatasetRow,
  type RowFormat,
} from './row-format.ts';
import { textHash } from './text-hash.ts';

export interface DatasetOptions {
  /** Name of the file, for messages. */
  readonly name: string;
  /** Longest row in tokens. */
  readonly contextMax: number;
  /** Default `refuse`. */
  readonly longRows?: LongRows;
  /** Rows at most; default `limits.datasetRowsMax`. */
  readonly rowsMax?: number;
  /** Findings of one kind that are listed; default `limits.datasetFindingsMax`. */
  readonly findingsMax?: number;
}

/** Counts of a dataset. Tokens are those that would be trained on: after cutting and splitting, rows with errors left out. */
export interface DatasetReport {
  /** Undefined when no row told it. */
  readonly format: RowFormat | undefined;
  /** Rows in the file, whatever is wrong with them; empty lines are none. */
  readonly lines: number;
  /** Rows that can be used. One conversation or long text may be several. */
  readonly rows: number;
  readonly tokens: number;
  readonly trainedTokens: number;
  /** Tokens of a row before any cutting: half, 95%, and all of the rows have at most so many. */
  readonly rowTokens: { readonly p50: number; readonly p95: number; readonly max: number };
  /** Rows that stand in the file more than once, counted without their first. */
  readonly duplicates: number;
  /** Rows over the context. */
  readonly overContext: number;
  readonly errors: number;
  readonly warnings: number;
}

export interface Dataset {
  readonly rows: readonly EncodedRow[];
  readonly report: DatasetReport;
  /** Everything found, errors first; of each kind the first ones with their lines (`train.jsonl:17`), and how many more. */
  readonly findings: readonly Finding[];
}

/**
 * Reads a dataset of JSON lines: the first row decides the format and all others must have it. Never throws for what is in the
 * file: all that is wrong is among the findings, and a row with an error is not among the rows.
 */
export async function readDataset(
  lines: AsyncIterable<string | TextLine> | Iterable<string | TextLine>,
  encoder: RowEncoder,
  options: DatasetOptions,
): Promise<Dataset> {
  const { name, contextMax, longRows = 'refuse' } = options;
  const findings = datasetFindings(name, options.findingsMax);
  const reader = rowReader(findings, options.rowsMax ?? limits.datasetRowsMax);
  const rows: EncodedRow[] = [];
  const lengths: number[] = [];
  let overContext = 0;

  const take = (encoded: readonly EncodedParts[]): void => {
    for (const { line, parts, notes } of encoded) {
      for (const note of notes) findings.add(note, line);
      for (const part of parts) {
        lengths.push(part.tokens.length);
        if (part.tokens.length > contextMax) overContext++;
        const fitted = fitRow(part, { contextMax, longRows, isText: reader.format() === 'text' });
        for (const note of fitted.notes) findings.add(note, line);
        rows.push(...fitted.rows);
      }
    }
  };

  // one batch is rendered in the template's thread while the one before is encoded in this one
  let before: Promise<EncodedParts[]> = Promise.resolve([]);
  for await (const batch of reader.batches(lines)) {
    const encoded = encodeRows(encoder, batch);
    encoded.catch(() => undefined); // awaited below, also when the one before fails first
    take(await before);
    before = encoded;
  }
  take(await before);

  if (reader.lines() === 0)
    findings.add({
      severity: 'error',
      code: 'dataset-empty',
      message: `holds no rows; wanted are lines of ${knownFormats}`,
    });
  lengths.sort((a, b) => a - b);
  return {
    rows,
    findings: findings.list(),
    report: {
      format: reader.format(),
      lines: reader.lines(),
      rows: rows.length,
      tokens: rows.reduce((total, { tokens }) => total + tokens.length, 0),
      trainedTokens: rows.reduce((total, { trained }) => total + countOnes(trained), 0),
      rowTokens: { p50: quantile(lengths, 0.5), p95: quantile(lengths, 0.95), max: lengths.at(-1) ?? 0 },
      duplicates: reader.duplicates(),
      overContext,
      errors: findings.count('error'),
      warnings: findings.count('warning'),
    },
  };
}

/** Rows and characters that are parsed before they are encoded together: enough for the template's thread, little memory. */
const batchRows = 256;
const batchChars = 4_194_304;

/** Parses lines into rows and keeps what spans them: the format, the count, which rows were seen. */
function rowReader(findings: DatasetFindings, rowsMax: number) {
  const seen = new Map<string, number>();
  let format: RowFormat | undefined;
  let [count, duplicates] = [0, 0];
  const error = (code: string, message: string, line: number): void =>
    findings.add({ severity: 'error', code, message }, line);

  /** The row, `skip` when it is none or a bad one, `stop` when the file can make no sense. */
  const readRow = ({ text, problem }: TextLine, line: number): DatasetRow | 'skip' | 'stop' => {
    if (problem) {
      error(`line-${problem}`, problems[problem], line);
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
        const { text, problem } =
          typeof given === 'string' ? { text: withoutMark(given, line), problem: undefined } : given;
        if (!problem && text.trim() === '') {
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
        const row = readRow({ text, ...(problem ? { problem } : {}) }, line);
        if (row === 'stop') break;
        if (row === 'skip') continue;
        const hash = textHash(rowKey(row));
        const first = seen.get(hash);
        if (first === undefined) seen.set(hash, line);
        else {
          duplicates++;
          findings.add({ severity: 'warning', code: 'row-duplicate', message: `is the same as line ${first}` }, line);
        }
        batch.push({ line, row });
        chars += text.length;
        if (batch.length < batchRows && chars < batchChars) continue;
        yield batch;
        [batch, chars] = [[], 0];
      }
      if (batch.length > 0) yield batch;
    },
  };
}

const knownFormats = rowFormats.map(describeFormat).join(', ');

const severalText = ([first, ...others]: readonly RowFormat[]): string =>
  `the rows have keys of several forms: ${first ? describeFormat(first) : ''} is read, ${others.map(describeFormat).join(' and ')} is not`;

const problems = {
  'too-long': `is longer than ${limits.jsonlLineBytesMax} bytes`,
  'not-utf8': 'is not valid UTF-8: save the file as UTF-8',
} as const;

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

function countOnes(marks: Uint8Array): number {
  let count = 0;
  for (const mark of marks) count += mark;
  return count;
}

/** Nearest rank. */
const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
