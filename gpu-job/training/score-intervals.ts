import type { Measured } from '../../shared/contract/reports.ts';
import { tokenHash } from './known-rows.ts';
import { randomStream } from './random.ts';
import type { RowScores } from './score-rows.ts';
import { rowGroups, type TokenRows } from './token-rows.ts';

export interface ScoreSummary {
  readonly loss: Measured;
  readonly perplexity: Measured;
  readonly tokenAccuracy: Measured;
  readonly exactMatch: Measured;
}

/**
 * What row scores say of a model, with 95% intervals: the rows are drawn anew `samples` times with replacement, and the interval
 * lies between the 2.5th and 97.5th percentile of what those draws give (Efron 1979). Rows, not tokens, are drawn: the tokens of
 * one row are not independent.
 */
export function summariseScores(scores: RowScores, samples: number, seed: number): ScoreSummary {
  const rows = scores.labels.length;
  const draws = Array.from({ length: samples }, (_, sample) => {
    const random = randomStream(seed, 'bootstrap', sample);
    return figuresOf(
      scores,
      Array.from({ length: rows }, () => random.below(rows)),
    );
  });
  const whole = figuresOf(
    scores,
    Array.from({ length: rows }, (_, row) => row),
  );
  const measured = (figure: (figures: Figures) => number): Measured => {
    const sorted = draws.map(figure).sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] as number; // within the draws
    return { value: figure(whole), low: at(0.025), high: at(0.975) };
  };
  return {
    loss: measured(({ loss }) => loss),
    perplexity: measured(({ loss }) => Math.exp(loss)),
    tokenAccuracy: measured(({ tokenAccuracy }) => tokenAccuracy),
    exactMatch: measured(({ exactMatch }) => exactMatch),
  };
}

/** Share of the rows whose labels are those of the most common completion. */
export async function majorityShare(rows: TokenRows): Promise<number> {
  const hashes = new Float64Array(rows.length);
  for await (const { start, group } of rowGroups(rows))
    for (const [i, { tokens, trained }] of group.entries())
      hashes[start + i] = tokenHash(tokens.filter((_, at) => at > 0 && trained[at] === 1));
  hashes.sort();
  let [most, count] = [0, 0];
  for (const [i, hash] of hashes.entries()) {
    count = hash === hashes[i - 1] ? count + 1 : 1;
    most = Math.max(most, count);
  }
  return most / rows.length;
}

interface Figures {
  readonly loss: number;
  readonly tokenAccuracy: number;
  readonly exactMatch: number;
}

function figuresOf({ lossSums, labels, correct }: RowScores, rows: readonly number[]): Figures {
  let [loss, count, right, exact] = [0, 0, 0, 0];
  for (const row of rows) {
    // rows are indices of the scores
    loss += lossSums[row] as number;
    count += labels[row] as number;
    right += correct[row] as number;
    if (labels[row] === correct[row]) exact++;
  }
  return { loss: loss / count, tokenAccuracy: right / count, exactMatch: exact / rows.length };
}
