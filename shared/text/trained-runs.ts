import type { EncodedRow } from './encode-row.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** Neighbouring tokens of one kind as text. */
export interface TokenRun {
  readonly text: string;
  readonly trained: boolean;
}

/** A row as text again, special tokens included, cut where training begins and ends: what a person checks before training. */
export function trainedRuns(tokenizer: TextTokenizer, { tokens, trained }: EncodedRow): TokenRun[] {
  const runs: TokenRun[] = [];
  for (let start = 0, end = 0; start < tokens.length; start = end) {
    while (end < tokens.length && trained[end] === trained[start]) end++;
    runs.push({ text: tokenizer.decode([...tokens.subarray(start, end)]), trained: trained[start] === 1 });
  }
  return runs;
}
