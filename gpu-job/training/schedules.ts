export interface Schedule {
  readonly kind: 'constant' | 'linear' | 'cosine';
  /** The rate after the warm-up. */
  readonly learningRate: number;
  readonly warmupSteps: number;
  /** Steps of the whole run, warm-up included. */
  readonly steps: number;
}

/**
 * The learning rate of a 0-based step: a line from 0 through the warm-up, then the course of the kind, ending at 0 one step after
 * the last. Equal to transformers' `get_constant|linear|cosine_schedule_with_warmup`.
 */
export function learningRateAt({ kind, learningRate, warmupSteps, steps }: Schedule, step: number): number {
  if (step < warmupSteps) return (learningRate * step) / Math.max(1, warmupSteps);
  const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
  switch (kind) {
    case 'constant':
      return learningRate;
    case 'linear':
      return learningRate * Math.max(0, 1 - progress);
    case 'cosine':
      return learningRate * Math.max(0, (1 + Math.cos(Math.PI * progress)) / 2);
  }
}
