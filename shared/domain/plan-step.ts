import type { Compute } from '../methods/compute.ts';
import { stepMemory, type StepMemory } from './step-memory.ts';
import { stepBytes, stepSeconds, totalBytes, usualRate, type StepBytes, type StepSubject } from './step-cost.ts';

/** What a plan is made for. */
export interface PlanSubject extends Omit<StepSubject, 'rows' | 'length'> {
  /** Tokens of the longest row, and up to which rows share a sequence. */
  readonly longest: number;
  readonly packTokens: number;
  /** Tokens that may go through the model at once; one row alone may be longer. */
  readonly microBatchTokens: number;
}

/** How a run computes its steps. */
export interface StepPlan {
  readonly memory: StepMemory;
  readonly microBatchTokens: number;
  /** Type of the products; absent: float32. */
  readonly compute?: Compute;
}

export interface PlannedStep extends StepPlan {
  /** At the peak of the largest batch that a run may meet. */
  readonly bytes: number;
  /** What they are. */
  readonly parts: StepBytes;
}

/** Counts what a graph holds; absent: by the closed form. */
export type CountLive = (memory: StepMemory, size: { readonly rows: number; readonly length: number }) => number;

/**
 * The fastest way to take steps that fits `availableBytes`: all kept, logits and attention in parts, weights as they lie, layers computed again, and in the end smaller
 * micro-batches. Depends on its arguments alone. Undefined where none fits; `least` is what the most frugal one takes.
 */
export function planStep(
  subject: PlanSubject,
  availableBytes: number,
  countLive?: CountLive,
): { readonly chosen: PlannedStep | undefined; readonly least: PlannedStep } {
  let least: PlannedStep | undefined;
  for (const planned of plannedSteps(subject, countLive)) {
    if (!least || planned.bytes < least.bytes) least = planned;
    if (fitsInto(planned.bytes, availableBytes)) return { chosen: planned, least };
  }
  return { chosen: undefined, least: least as PlannedStep }; // there are plans
}

/** Every way to take steps, the fastest first, with what each takes: counted when its turn comes. */
export function* plannedSteps(subject: PlanSubject, countLive?: CountLive): Generator<PlannedStep, undefined> {
  for (const plan of plansBySpeed(subject)) yield plannedStep(subject, plan, countLive);
}

/** What steps taken in this way need. */
export function plannedStep(subject: PlanSubject, plan: StepPlan, countLive?: CountLive): PlannedStep {
  const { memory, microBatchTokens } = plan;
  const sizes = batchSizes(subject, microBatchTokens).map((size) =>
    stepBytes({ ...subject, ...size }, memory, countLive?.(memory, size)),
  );
  const parts = sizes.reduce((most, one) => (totalBytes(one) > totalBytes(most) ? one : most));
  return { ...plan, bytes: totalBytes(parts), parts };
}

/** Whether a step of so many bytes is planned where there are so many. */
export const fitsInto = (bytes: number, availableBytes: number): boolean => bytes <= availableBytes * usableShare;

function plansBySpeed(subject: PlanSubject): readonly StepPlan[] {
  const { microBatchTokens, longest } = subject;
  const whole = { microBatchTokens };
  const { middle, lean } = stepMemory;
  const memories: readonly StepMemory[] = [{ ...middle, prepack: true }, middle, { ...lean, prepack: true }, lean];
  const [size] = batchSizes(subject, microBatchTokens);
  // of a usual machine, whatever this one does: the order must not change from one run to the next
  const seconds = (memory: StepMemory): number => stepSeconds({ ...subject, ...size }, memory, usualRate);
  const sorted = memories.toSorted((a, b) => seconds(a) - seconds(b));
  const smaller: StepPlan[] = [];
  for (let tokens = microBatchTokens / 2; tokens >= Math.max(longest, smallestMicroBatch); tokens /= 2)
    smaller.push({ memory: lean, microBatchTokens: Math.floor(tokens) });
  return [allKept(longest), ...sorted].map((memory): StepPlan => ({ ...whole, memory })).concat(smaller);
}

/** A step that computes nothing again but the scores of long rows, of which the longest has so many tokens. */
export const allKept = (longest: number): StepMemory => ({
  ...stepMemory.fast,
  ...(longest > atOnceTokensMax ? { attentionBlock: stepMemory.lean.attentionBlock } : {}),
});

type StepSize = Pick<StepSubject, 'rows' | 'length'>;

/** The two extremes of what a batch may look like: of the longest row, and of packed ones. */
export function batchSizes(
  { longest, packTokens }: PlanSubject,
  microBatchTokens: number,
): readonly [StepSize, StepSize] {
  const sizeOf = (tokens: number): StepSize => {
    const length = 16 * Math.ceil(Math.max(1, tokens) / 16);
    return { rows: Math.max(1, Math.floor(microBatchTokens / length)), length };
  };
  return [sizeOf(longest), sizeOf(Math.min(packTokens, microBatchTokens))];
}

/** How steps are taken, in words. */
export function stepPlanText({ memory, microBatchTokens, compute = 'float32' }: StepPlan, workers = 1): string {
  return [
    memory.recompute ? 'layers are computed again' : 'all that is needed is kept',
    memory.prepack ? 'weights are copied in the order of products' : 'weights are read where they lie',
    ...(memory.lossChunks > 1 ? [`logits in ${memory.lossChunks} parts`] : []),
    ...(memory.attentionBlock === undefined ? [] : [`attention in blocks of ${memory.attentionBlock}`]),
    ...(compute === 'float32' ? [] : [`products in ${compute}`]),
    `${microBatchTokens} tokens at once`,
    ...(workers > 1 ? [`${workers} workers`] : []),
  ].join(', ');
}

/** Rows up to this length have their scores at once: there, blocks save little. */
const atOnceTokensMax = 512;
const smallestMicroBatch = 128;
/** The rest is for what was not foreseen. */
const usableShare = 0.9;
