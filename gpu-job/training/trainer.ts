import type { Batch } from './batches.ts';
import { globalNorm, type AdamW } from './optimizers.ts';
import type { StepSource } from './step-source.ts';

/** Holds what a run trains, and takes its steps. */
export interface Trainer {
  /** Loss and gradients of a step. The norm is of the gradients as they are, times `gradientScale` (default 1). */
  accumulate(
    batches: readonly Batch[],
    seedOf: (microBatch: number) => number,
    gradientScale?: number,
  ): Promise<{ readonly loss: number; readonly labels: number; readonly gradientNorm: number }>;
  /** Changes what is trained by the gradients of the last step, each times `factor`. */
  update(learningRate: number, factor: number): void;
  /** Parameters and constants as they stand. The next update may change them. */
  values(): ReadonlyMap<string, Float32Array>;
  /** Moments of the optimizer as they stand. The next update may change them. */
  moments(): AdamW['moments'];
  close(): Promise<void>;
}

/** What is trained stands in the memory of the host, where the optimizer changes it. */
export function hostTrainer(source: StepSource, optimizer: AdamW): Trainer {
  let gradients: ReadonlyMap<string, Float32Array> = new Map();
  return {
    async accumulate(batches, seedOf, gradientScale) {
      const step = await source.accumulate(batches, seedOf, gradientScale);
      ({ gradients } = step);
      return { loss: step.loss, labels: step.labels, gradientNorm: globalNorm(gradients) };
    },
    update: (learningRate, factor) => optimizer.update(source.parameters, gradients, learningRate, factor),
    values: () => source.parameters,
    moments: () => optimizer.moments,
    close: () => source.close(),
  };
}
