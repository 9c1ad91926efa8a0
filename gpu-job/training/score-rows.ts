import { makeBatches, type BatchShape } from './batches.ts';
import type { EvalStep } from './eval-graph.ts';
import { indicesUpTo, rowGroups, type TokenRows } from './token-rows.ts';

/** How a model did on each row under teacher forcing. */
export interface RowScores {
  /** Sum of the row's label losses, nats. */
  readonly lossSums: Float64Array;
  readonly labels: Int32Array;
  /** Labels that were the likeliest token. All of a row's labels right: greedy generation would give exactly its text. */
  readonly correct: Int32Array;
}

/** Scores rows with an evaluation step. `onProgress` hears how many are done; it may throw to end the work. */
export async function scoreRows(
  step: Pick<EvalStep, 'run'>,
  parameters: ReadonlyMap<string, Float32Array>,
  rows: TokenRows,
  shape: BatchShape,
  onProgress: (done: number) => void = () => undefined,
): Promise<RowScores> {
  const scores = {
    lossSums: new Float64Array(rows.length),
    labels: new Int32Array(rows.length),
    correct: new Int32Array(rows.length),
  };
  for await (const { start, group } of rowGroups(rows)) {
    let done = start;
    for (const batch of makeBatches(group, indicesUpTo(group.length), shape)) {
      const { losses, correct } = await step.run(parameters, batch);
      for (const { row: inGroup, batchRow, start: first, length } of batch.sources) {
        const row = start + inGroup;
        const from = batchRow * batch.length + first;
        for (let i = from; i < from + length; i++) {
          if (batch.labels[i] === -100n) continue;
          add(scores.lossSums, row, losses[i] as number);
          add(scores.labels, row, 1);
          add(scores.correct, row, correct[i] as number);
        }
      }
      done += batch.sources.length;
      onProgress(done);
    }
  }
  return scores;
}

/** Mean loss and share of right labels over all labels of all rows. */
export function meanScores({ lossSums, labels, correct }: RowScores): { loss: number; tokenAccuracy: number } {
  const total = labels.reduce((sum, count) => sum + count, 0);
  return {
    loss: lossSums.reduce((sum, loss) => sum + loss, 0) / total,
    tokenAccuracy: correct.reduce((sum, count) => sum + count, 0) / total,
  };
}

function add(values: Float64Array | Int32Array, at: number, value: number): void {
  values[at] = (values[at] as number) + value;
}
