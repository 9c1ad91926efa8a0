/** What the time between two checkpoints follows from, in seconds. */
export interface IntervalFacts {
  /** What somebody asked for: never longer. */
  readonly everySeconds: number;
  /** The last step, and the last checkpoint, as they were measured. */
  readonly stepSeconds: number;
  readonly saveSeconds: number;
  /** What the run may take in all; Infinity: any. */
  readonly allowanceSeconds: number;
}

/**
 * Seconds between two checkpoints. With an allowance a kill costs at most a twentieth of it, though no less than a step, and no more is
 * spent on checkpoints than a twentieth of the time.
 */
export function checkpointInterval({
  everySeconds,
  stepSeconds,
  saveSeconds,
  allowanceSeconds,
}: IntervalFacts): number {
  return Math.min(everySeconds, Math.max(stepSeconds, saveSeconds / share, allowanceSeconds * share));
}

const share = 0.05;
