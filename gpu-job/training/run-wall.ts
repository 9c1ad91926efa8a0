import type { JobContext } from '../jobs/job-context.ts';

/** Where a run's allowance ends. The clock goes on between steps, evaluations and checkpoints alike. */
export interface RunWall {
  /** Whether nothing more may be begun; `nextSeconds`: what would be begun next is expected to take so long. */
  isReached(nextSeconds?: number): boolean;
  /** Of all sittings, for the checkpoint: what the next one has less. */
  spentSeconds(): number;
  /** The whole allowance of this sitting; Infinity where there is none. */
  readonly allowanceSeconds: number;
}

/** The nearer of two walls: the spec's own (of all sittings together) and that of whoever runs the job. */
export function runWall(
  maxSeconds: number | undefined,
  spentBefore: number,
  { now, secondsLeft = () => Infinity }: Pick<JobContext, 'now' | 'secondsLeft'>,
): RunWall {
  const startedAt = now();
  const spentSeconds = (): number => spentBefore + (now() - startedAt) / 1000;
  const left = (): number => Math.min((maxSeconds ?? Infinity) - spentSeconds(), secondsLeft());
  return { spentSeconds, allowanceSeconds: left(), isReached: (nextSeconds = 0) => left() <= nextSeconds };
}
