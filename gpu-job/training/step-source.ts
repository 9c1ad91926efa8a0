import { accumulate } from './accumulate.ts';
import type { Batch } from './batches.ts';
import type { StepResult, TrainStep } from './step-graph.ts';

/** Where the loss and the gradients of a step come from: one session, or several that share its micro-batches. */
export interface StepSource {
  /** What is trained, and what is fed beside it. Whoever trains changes the values in place. */
  readonly parameters: ReadonlyMap<string, Float32Array>;
  /** As `accumulate`. The gradients are good until the next call. */
  accumulate(
    batches: readonly Batch[],
    seedOf: (microBatch: number) => number,
    gradientScale?: number,
  ): Promise<{ readonly loss: number; readonly labels: number; readonly gradients: StepResult['gradients'] }>;
  close(): Promise<void>;
}

/** One session, in this thread. */
export function ownSource(step: TrainStep, parameters: ReadonlyMap<string, Float32Array>): StepSource {
  return {
    parameters,
    accumulate: (batches, seedOf, gradientScale) => accumulate(step, parameters, batches, seedOf, gradientScale),
    close: () => step.close(),
  };
}
