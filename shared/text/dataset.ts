import type { Finding } from '../errors.ts';
import type { TextLine } from '../formats/jsonl.ts';
import { limits } from '../limits.ts';
import { datasetFindings, type DatasetName } from './dataset-findings.ts';
import { encodeRows, type EncodedParts, type EncodedRow, type RowEncoder } from './encode-row.ts';
import { fitRow, type LongRows } from './fit-row.ts';
import { lengthCounts } from './length-counts.ts';
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

/** What there is to say of a dataset once it was read. */
export interface DatasetReading {
  readonly report: DatasetReport;
  /** Everything found, errors first; of each kind the first ones with their lines (`train.jsonl:17`), and how many more. */
  readonly findings: readonly Finding[];
}

/** Gets the rows of a dataset in order, some hundreds at a time; reading goes on when it resolves. */
export type TakeRows = (rows: readonly EncodedRow[]) => void | Promise<void>;

/**
 * Reads a dataset of JSON lines: the first row decides the format and all others must have it. Never throws for what is in the
 * file: all that is wrong is among the findings, and a row with an error is not among the rows. Of a row that was taken nothing is kept but
 * where it stands, for finding its duplicates.
 */
export async function readDataset(
  lines: AsyncIterable<string | TextLine> | Iterable<string | TextLine>,
  encoder: RowEncoder,
  options: DatasetOptions,
  take: TakeRows,
): Promise<DatasetReading> {
  const { contextMax, longRows = 'refuse' } = options;
  const findings = datasetFindings(options, options.findingsMax);
  const reader = rowReader(findings, options.rowsMax ?? limits.datasetRowsMax);
  const lengths = lengthCounts();
  let [rows, tokens, trainedTokens, overContext] = [0, 0, 0, 0];

  const fit = ({ line, parts, notes }: EncodedParts): readonly EncodedRow[] => {
    for (const note of notes) findings.add(note, line);
    return parts.flatMap((part) => {
      lengths.add(part.tokens.length);
      if (part.tokens.length > contextMax) overContext++;
      const fitted = fitRow(part, { contextMax, longRows, isText: reader.format() === 'text' });
      for (const note of fitted.notes) findings.add(note, line);
      return fitted.rows;
    });
  };
  const hand = async (encoded: readonly EncodedParts[]): Promise<void> => {
    const fitted = encoded.flatMap(fit);
    rows += fitted.length;
    for (const row of fitted) {
      tokens += row.tokens.length;
      trainedTokens += countOnes(row.trained);
    }
    if (fitted.length > 0) await take(fitted);
  };

  // one batch is rendered in the template's thread while the one before is encoded in this one
  let before: Promise<EncodedParts[]> = Promise.resolve([]);
  for await (const batch of reader.batches(lines)) {
    const encoded = encodeRows(encoder, batch);
    encoded.catch(() => undefined); // awaited below, also when the one before fails first
    await hand(await before);
    before = encoded;
  }
  await hand(await before);

  return {
    findings: findings.list(),
    report: {
      format: reader.format(),
      lines: reader.lines(),
      rows,
      tokens,
      trainedTokens,
      rowTokens: { p50: lengths.quantile(0.5), p95: lengths.quantile(0.95), max: lengths.quantile(1) },
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
