/** The evaluation with the lowest held-out loss so far. */
export interface BestSeen {
  readonly step: number;
  readonly loss: number;
  /** Evaluations since then, none of which was better. */
  readonly since: number;
}

/** The best of the evaluations so far and one more; of equal ones the first. */
export function bestAfter(
  best: BestSeen | undefined,
  seen: { readonly step: number; readonly loss: number },
): BestSeen {
  if (best && !(seen.loss < best.loss)) return { ...best, since: best.since + 1 };
  return { ...seen, since: 0 };
}

/** Gradient norms of the last steps, that one among them, which say what is usual. */
export function normsAfter(norms: readonly number[], norm: number): readonly number[] {
  return [...norms, norm].slice(-normsKept);
}

/**
 * Whether a step's gradient is so many times longer than usual that it would rather undo what was learnt than add to it: more than
 * `factor` times the median of the last steps, of which there must be enough to tell. One that is no number is never usual.
 */
export function isSpike(norms: readonly number[], norm: number, factor: number): boolean {
  if (!Number.isFinite(norm)) return true;
  if (norms.length < normsNeeded) return false;
  const sorted = norms.toSorted((a, b) => a - b);
  return norm > factor * (sorted[Math.floor(sorted.length / 2)] ?? norm);
}

/** Long enough that one bad batch does not change the median, short enough to follow a run that calms down. */
const normsKept = 32;
/** The first steps of a warm-up differ widely. */
const normsNeeded = 8;
/** A run whose every step is a spike learns nothing more. */
export const spikesInARowMax = 10;
