import type { Finding } from '../errors.ts';
import type { TextLine } from '../formats/jsonl.ts';
import { limits } from '../limits.ts';
import { datasetFindings, type DatasetName } from './dataset-findings.ts';
import { encodeRows, type EncodedParts, type EncodedRow, type RowEncoder } from './encode-row.ts';
import { fitRow, type LongRows } from './fit-row.ts';
import type { RowFormat } from './row-format.ts';
import { rowReader } from './row-reader.ts';

export interface DatasetOptions extends DatasetName {
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
  const { contextMax, longRows = 'refuse' } = options;
  const findings = datasetFindings(options, options.findingsMax);
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

function countOnes(marks: Uint8Array): number {
  let count = 0;
  for (const mark of marks) count += mark;
  return count;
}

/** Nearest rank. */
const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
