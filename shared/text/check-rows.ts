import type { Finding } from '../errors.ts';
import type { TextLine } from '../formats/jsonl.ts';
import { limits } from '../limits.ts';
import { datasetFindings } from './dataset-findings.ts';
import type { RowFormat } from './row-format.ts';
import { rowReader } from './row-reader.ts';

export interface RowsReport {
  /** Undefined when no row told it. */
  readonly format: RowFormat | undefined;
  /** Rows in the file, whatever is wrong with them; empty lines are none. */
  readonly lines: number;
  /** Everything found, errors first; of each kind the first ones with their lines, and how many more. */
  readonly findings: readonly Finding[];
}

/** Checks what every base asks of a dataset, without a tokenizer: JSON lines, all of one form. Never throws for what is in the file. */
export async function checkRows(
  lines: AsyncIterable<TextLine>,
  { name }: { readonly name: string },
): Promise<RowsReport> {
  const findings = datasetFindings({ name });
  const reader = rowReader(findings, limits.datasetRowsMax);
  for await (const _ of reader.batches(lines));
  return { format: reader.format(), lines: reader.lines(), findings: findings.list() };
}
