import type { NextTokenModel } from './kneser-ney.ts';

/**
 * Mean loss in nats of a model on rows, over the labels a causal model has: every token but the first of each row. The context of
 * a row's start is filled up with `boundary`.
 */
export function scoreRows(rows: Iterable<ArrayLike<number>>, model: NextTokenModel, boundary: number): number {
  let lossSum = 0;
  let labels = 0;
  for (const row of rows) {
    for (let i = 1; i < row.length; i++) {
      const before = i > 1 ? (row[i - 2] as number) : boundary;
      lossSum -= Math.log(model(row[i] as number, [before, row[i - 1] as number]));
      labels++;
    }
  }
  return lossSum / labels;
}
