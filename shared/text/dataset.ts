import { DomainError, type Finding } from '../errors.ts';
import { limits } from '../limits.ts';
import { encodeRows, type EncodedRow, type NumberedRow, type RowEncoder } from './encode-row.ts';
import { describeFormat, detectFormat, parseRow, type DatasetRow, type RowFormat } from './row-format.ts';

export interface DatasetOptions {
  /** Name of the file, for messages. */
  readonly name: string;
  /** Longest row in tokens. */
  readonly contextMax: number;
  /** A longer row is an error, is cut at the end, or (plain text only) becomes several rows. */
  readonly longRows: 'refuse' | 'truncate' | 'split';
}

export interface DatasetReport {
  readonly format: RowFormat;
  /** Rows of the file that can be used. */
  readonly rows: number;
  readonly tokens: number;
  readonly trainedTokens: number;
  /** Tokens of a row: half, 95%, and all of the rows have at most so many. */
  readonly rowTokens: { readonly p50: number; readonly p95: number; readonly max: number };
  /** Rows that stand in the file more than once, counted without their first. */
  readonly duplicates: number;
  /** Rows that were cut or split. */
  readonly shortened: number;
}

export interface Dataset {
  readonly rows: readonly EncodedRow[];
  readonly report: DatasetReport;
  /** Everything found, errors first. Rows with errors are not among `rows`. */
  readonly findings: readonly Finding[];
}

/** Rows parsed before they are encoded together. */
const chunkRows = 512;

/**
 * Reads a dataset of JSON lines: the first row decides the format and all others must have it. Everything that is wrong is
 * collected with its line. Throws `DomainError('dataset-empty')` when there is no row at all, `DomainError('dataset-format')` when
 * the first row has no known format.
 */
export async function readDataset(
  lines: AsyncIterable<string>,
  encoder: RowEncoder,
  options: DatasetOptions,
): Promise<Dataset> {
  const findings: Finding[] = [];
  const encoded: EncodedRow[] = [];
  const seen = new Map<string, number>();
  let [format, number, used, duplicates, shortened]: [RowFormat | undefined, number, number, number, number] = [
    undefined,
    0,
    0,
    0,
    0,
  ];
  let chunk: NumberedRow[] = [];
  const report = (severity: Finding['severity'], code: string, line: number, message: string): void => {
    findings.push({ severity, code, message, where: `${options.name}:${line}` });
  };
  const encodeChunk = async (): Promise<void> => {
    for (const result of await encodeRows(encoder, chunk)) {
      if ('problem' in result) {
        report('error', 'row-not-encoded', result.line, result.problem);
        continue;
      }
      const fitted = result.rows.map((row) => fit(row, format, options));
      const problem = fitted.find((rows) => typeof rows === 'string');
      if (typeof problem === 'string') {
        report('error', 'row-too-long', result.line, problem);
        continue;
      }
      used++;
      if (fitted.some((rows, i) => rows.length !== 1 || rows[0] !== result.rows[i])) shortened++;
      for (const row of fitted.flat()) if (typeof row !== 'string') encoded.push(row);
    }
    chunk = [];
  };

  for await (const raw of lines) {
    number++;
    if (number > limits.datasetRowsMax)
      throw new DomainError(
        'dataset-too-large',
        `${options.name} has more than ${limits.datasetRowsMax} lines; split it.`,
      );
    const text = (number === 1 ? raw.replace(/^\uFEFF/, '') : raw).trim();
    if (text === '') continue;
    const value = parseJson(text);
    if (value === undefined) {
      report('error', 'row-not-json', number, 'It is not valid JSON; every line must be one JSON object.');
      continue;
    }
    format ??= detectFormat(value);
    if (format === undefined)
      throw new DomainError(
        'dataset-format',
        `${options.name}:${number}: the first row is none of ${knownFormats}, so the format is unknown.`,
      );
    const parsed = parseRow(value, format);
    if ('problems' in parsed) {
      for (const problem of parsed.problems) report('error', 'row-malformed', number, `${problem}.`);
      continue;
    }
    if (parsed.row.format === 'messages' && !encoder.template)
      throw new DomainError(
        'template-missing',
        `${options.name} holds conversations, but the base has no chat template: add one to its tokenizer_config.json, or use {"prompt", "completion"} rows.`,
      );
    const key = rowKey(parsed.row);
    const first = seen.get(key);
    if (first === undefined) seen.set(key, number);
    else {
      duplicates++;
      report('warning', 'row-duplicate', number, `It is the same as line ${first}.`);
    }
    chunk.push({ line: number, row: parsed.row });
    if (chunk.length === chunkRows) await encodeChunk();
  }
  await encodeChunk();
  if (format === undefined && findings.length === 0)
    throw new DomainError('dataset-empty', `${options.name} holds no rows; expected lines of ${knownFormats}.`);
  const lengths = encoded.map(({ tokens }) => tokens.length).toSorted((a, b) => a - b);
  return {
    rows: encoded,
    findings: findings.toSorted((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning')),
    report: {
      format: format ?? 'text',
      rows: used,
      tokens: sum(lengths),
      trainedTokens: sum(encoded.map(({ trained }) => trained.reduce((count, mark) => count + mark, 0))),
      rowTokens: { p50: quantile(lengths, 0.5), p95: quantile(lengths, 0.95), max: lengths.at(-1) ?? 0 },
      duplicates,
      shortened,
    },
  };
}

const knownFormats = (['messages', 'prompt-completion', 'text'] as const).map(describeFormat).join(', ');

/** The row as it may be trained on, or why not. */
function fit(
  row: EncodedRow,
  format: RowFormat | undefined,
  { contextMax, longRows }: DatasetOptions,
): EncodedRow[] | string {
  const length = row.tokens.length;
  if (length <= contextMax) return [row];
  if (longRows === 'refuse')
    return `it has ${length} tokens, and the context has ${contextMax}: shorten it, or choose to truncate or split long rows.`;
  const part = (start: number): EncodedRow => {
    const trained = row.trained.slice(start, start + contextMax);
    trained[0] = 0;
    return { line: row.line, tokens: row.tokens.slice(start, start + contextMax), trained };
  };
  if (longRows === 'split') {
    if (format !== 'text')
      return `it has ${length} tokens, and the context has ${contextMax}; only rows of plain text can be split.`;
    // each part begins with the token that the last one ended with, so that no label is lost
    return Array.from({ length: Math.ceil((length - 1) / Math.max(1, contextMax - 1)) }, (_, i) =>
      part(i * (contextMax - 1)),
    );
  }
  const cut = part(0);
  return cut.trained.includes(1)
    ? [cut]
    : `cut to ${contextMax} of its ${length} tokens, none that is trained would be left.`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function rowKey(row: DatasetRow): string {
  if (row.format === 'text') return row.text;
  if (row.format === 'prompt-completion') return JSON.stringify([row.prompt, row.completion]);
  return JSON.stringify(row.messages.map(({ role, content }) => [role, content]));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
