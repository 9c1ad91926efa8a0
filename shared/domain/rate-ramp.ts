import type { RatePoint, RateSuggestion } from '../contract/reports.ts';

/** The rate of a 0-based step of an exponential ramp: the first step has `from`, the last `to`. */
export function rampRate(step: number, { from, to, steps }: { from: number; to: number; steps: number }): number {
  return from * (to / from) ** (step / (steps - 1));
}

/**
 * The next point of a ramp. Rows of one step are easier than those of another, so each step is held against what the first weights make of the same rows;
 * what is left of the noise is smoothed by a running mean whose weights fall by a fifth a step, corrected for its start as Adam's are.
 */
export function nextPoint(
  before: readonly RatePoint[],
  seen: Pick<RatePoint, 'learningRate' | 'loss' | 'startLoss'>,
): RatePoint {
  const keep = smoothing;
  const weight = 1 - keep ** before.length;
  const mean =
    ((before.at(-1)?.gain ?? 0) * weight * keep + (seen.startLoss - seen.loss) * (1 - keep)) /
    (1 - keep ** (before.length + 1));
  return { ...seen, gain: mean };
}

const smoothing = 0.8;

/** Whether a ramp has left the rates that can be trained with: a loss is no number, half of what was learnt is lost again, or more than was ever known. */
export function hasDiverged(points: readonly RatePoint[]): boolean {
  const last = points.at(-1);
  if (!last) return false;
  if (!Number.isFinite(last.loss) || last.gain < -lostShare * last.startLoss) return true;
  const largest = Math.max(...points.map(({ gain }) => gain));
  return largest >= learntShare * last.startLoss && last.gain < largest / 2;
}

/** Of the loss at the start, by which it has risen: no rate that can be used loses a tenth in a few steps. */
const lostShare = 0.1;
/** Of the loss at the start, below which nothing was learnt: what rounding and dropout make of it is less. */
const learntShare = 0.01;

/**
 * The rate at which a run should be tried: `below` times under the one at which most had been learnt. From there on a step undoes more than it adds, and a
 * run stays at its rate for longer than the ramp does. After Smith 2017 (arXiv 1506.01186); where it was learnt fastest, which others take, is told as well: it lies
 * where the update first shows, further below the best rate the more there is to learn.
 */
export function suggestRate(points: readonly RatePoint[]): RateSuggestion {
  const sound = points.filter(({ gain, loss }) => Number.isFinite(loss) && Number.isFinite(gain));
  const largest = sound.reduce<RatePoint | undefined>((a, b) => (a && a.gain >= b.gain ? a : b), undefined);
  if (!largest || largest.gain < learntShare * largest.startLoss)
    return {
      suggested: null,
      steepest: null,
      largest: null,
      reason: `at no rate up to ${rateText(points.at(-1)?.learningRate ?? 0)} did the loss fall by a hundredth of what it was: there is nothing to learn here, or the ramp is too short or ends too low`,
    };
  const before = sound.slice(0, sound.indexOf(largest) + 1);
  const steepest = before.reduce((a, b) => (slopeAt(before, b) > slopeAt(before, a) ? b : a));
  if (largest === points.at(-1))
    return {
      suggested: null,
      steepest: steepest.learningRate,
      largest: largest.learningRate,
      reason: `the loss still fell at ${rateText(largest.learningRate)}, where the ramp ends: let it go further`,
    };
  return {
    suggested: Number((largest.learningRate / below).toPrecision(2)),
    steepest: steepest.learningRate,
    largest: largest.learningRate,
    reason: `a third of ${rateText(largest.learningRate)}, at which most had been learnt: above it a step undoes more than it adds`,
  };
}

const below = 3;

/** Growth of the gain over the points within half a tenfold on either side, per e-fold of the rate, by least squares. */
function slopeAt(points: readonly RatePoint[], { learningRate }: RatePoint): number {
  const near = points.filter((point) => Math.abs(Math.log10(point.learningRate / learningRate)) <= 0.25);
  const mean = (value: (point: RatePoint) => number): number =>
    near.reduce((sum, point) => sum + value(point), 0) / near.length;
  const [x, y] = [mean((point) => Math.log(point.learningRate)), mean(({ gain }) => gain)];
  const covariance = mean((point) => (Math.log(point.learningRate) - x) * (point.gain - y));
  const variance = mean((point) => (Math.log(point.learningRate) - x) ** 2);
  return variance === 0 ? -Infinity : covariance / variance;
}

const rateText = (rate: number): string => String(Number(rate.toPrecision(2)));
