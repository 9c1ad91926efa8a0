import { createHash } from 'node:crypto';
import { labelCount, type TokenRow } from './batches.ts';
import { rowGroups, type TokenRows } from './token-rows.ts';

/** What has to be known of all rows of a run before its first step. */
export interface RowsSurvey {
  /** SHA-256 of tokens and labels: the same rows, whatever file, tokenizer or template they came from. */
  readonly sha256: string;
  /** The largest id among the tokens; 0 without any. */
  readonly largestToken: number;
  readonly labels: number;
}

/** Reads all rows once. `visit` gets each in turn. */
export async function surveyRows(
  rows: TokenRows,
  visit: (row: TokenRow) => void = () => undefined,
): Promise<RowsSurvey> {
  const hash = createHash('sha256');
  let [largestToken, labels] = [0, 0];
  for await (const { group } of rowGroups(rows))
    for (const row of group) {
      const { tokens, trained } = row;
      hash.update(Int32Array.of(tokens.length)).update(tokens).update(trained);
      for (const token of tokens) largestToken = Math.max(largestToken, token);
      labels += labelCount(row);
      visit(row);
    }
  return { sha256: hash.digest('hex'), largestToken, labels };
}
