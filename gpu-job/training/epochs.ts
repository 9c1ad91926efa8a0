import { rowsOfEpoch, type MixedPart } from '../../shared/domain/mixture.ts';
import { stepsOfEpochs } from '../../shared/domain/run-length.ts';
import { invariant } from '../../shared/errors.ts';
import { mixedOrder } from './mixed-order.ts';

/** How a run is cut into steps. */
export interface RunPlanOptions {
  /** Size of a step: a number of rows, or rows until the next would exceed a number of tokens. */
  readonly size: { readonly rows: number } | { readonly tokens: number };
  /** Length of the run. */
  readonly length: { readonly epochs: number } | { readonly steps: number } | { readonly tokens: number };
  readonly seed: number;
  /** Datasets whose rows stand behind one another; absent: all rows are of one. */
  readonly parts?: readonly MixedPart[] | undefined;
}

/** One optimizer step: the rows whose labels it averages over. */
export interface PlannedStep {
  /** 0-based. */
  readonly epoch: number;
  readonly rows: Int32Array;
}

export interface RunPlan {
  /** Optimizer steps of the whole run. */
  readonly steps: number;
  /** The step of a 0-based index: a function of rows, options and index alone, so resuming is asking for a later index. */
  stepAt(index: number): PlannedStep;
}

/**
 * Cuts a run into steps. Every epoch shuffles all rows anew and uses each once, of a mixture those of its first dataset; the last step of
 * an epoch may be smaller.
 * `rowTokens` holds the length of each row.
 */
export function planRun(rowTokens: ArrayLike<number>, options: RunPlanOptions): RunPlan {
  invariant(rowTokens.length > 0, 'a run has rows');
  const parts = options.parts ?? [{ rows: rowTokens.length, weight: 1 }];
  const starts = [0]; // first step of each epoch known so far, and of the one after
  let current: { readonly epoch: number; readonly steps: readonly Int32Array[] } | undefined;

  const epochSteps = (epoch: number): readonly Int32Array[] => {
    if (current?.epoch !== epoch) current = { epoch, steps: cutEpoch(rowTokens, { ...options, parts }, epoch) };
    return current.steps;
  };
  /** Makes the first step of `epoch` known. */
  const startOf = (epoch: number): number => {
    for (let next = starts.length; next <= epoch; next++) {
      const steps =
        'rows' in options.size
          ? Math.ceil(rowsOfEpoch(parts, next - 1) / options.size.rows)
          : epochSteps(next - 1).length;
      starts.push((starts[next - 1] as number) + steps); // every earlier start is known
    }
    return starts[epoch] as number;
  };

  return {
    steps: countSteps(rowTokens, options, startOf, epochSteps),
    stepAt(index) {
      let epoch = Math.max(0, starts.findIndex((start) => start > index) - 1);
      if ((starts.at(-1) as number) <= index) epoch = starts.length - 1;
      while (startOf(epoch + 1) <= index) epoch++;
      const rows = epochSteps(epoch)[index - startOf(epoch)];
      invariant(rows, `epoch ${epoch} has step ${index}`);
      return { epoch, rows };
    },
  };
}

function cutEpoch(
  rowTokens: ArrayLike<number>,
  { size, seed, parts }: RunPlanOptions & { readonly parts: readonly MixedPart[] },
  epoch: number,
): Int32Array[] {
  const order = mixedOrder(parts, seed, epoch);
  const steps: Int32Array[] = [];
  let start = 0;
  let tokens = 0;
  for (let i = 0; i < order.length; i++) {
    const added = rowTokens[order[i] as number] as number; // order holds indices of rows
    const full = 'rows' in size ? i - start === size.rows : i > start && tokens + added > size.tokens;
    if (full) {
      steps.push(order.subarray(start, i));
      start = i;
      tokens = 0;
    }
    tokens += added;
  }
  steps.push(order.subarray(start));
  return steps;
}

function countSteps(
  rowTokens: ArrayLike<number>,
  { length, parts }: RunPlanOptions,
  startOf: (epoch: number) => number,
  epochSteps: (epoch: number) => readonly Int32Array[],
): number {
  if ('steps' in length) return length.steps;
  if ('epochs' in length) return stepsOfEpochs(length.epochs, startOf);
  let left = length.tokens;
  let epoch = 0;
  if (!parts) {
    // every epoch has the same tokens
    let perEpoch = 0;
    for (let i = 0; i < rowTokens.length; i++) perEpoch += rowTokens[i] as number;
    epoch = Math.floor(left / perEpoch);
    left -= epoch * perEpoch;
  }
  let steps = startOf(epoch);
  for (; left > 0; epoch++)
    for (const rows of epochSteps(epoch)) {
      if (left <= 0) break;
      for (const row of rows) left -= rowTokens[row] as number;
      steps++;
    }
  return steps;
}
