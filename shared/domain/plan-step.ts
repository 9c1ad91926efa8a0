import type { Compute } from '../methods/compute.ts';
import { stepMemory, type StepMemory } from './step-memory.ts';
import { stepBytes, stepSeconds, totalBytes, usualRate, type StepSubject } from './step-cost.ts';

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
  readonly bytes: number;
}

/** Counts what a graph holds; absent: by the closed form. */
export type CountLive = (memory: StepMemory, size: { readonly rows: number; readonly length: number }) => number;

/**
 * The fastest way to take steps that fits `availableBytes`: all kept, logits in parts, weights as they lie, layers computed again, and in the end smaller
 * micro-batches. Depends on its arguments alone. Undefined where none fits; `least` is what the most frugal one takes.
 */
export function planStep(
  subject: PlanSubject,
  availableBytes: number,
  countLive?: CountLive,
): { readonly chosen: PlannedStep | undefined; readonly least: PlannedStep } {
  let least: PlannedStep | undefined;
  for (const plan of plansBySpeed(subject)) {
    const planned = { ...plan, bytes: plannedBytes(subject, plan, countLive) };
    if (!least || planned.bytes < least.bytes) least = planned;
    if (planned.bytes <= availableBytes * usableShare) return { chosen: planned, least };
  }
  return { chosen: undefined, least: least as PlannedStep }; // there are plans
}

/** Bytes at the peak of the largest batch that a run may meet. */
export function plannedBytes(
  subject: PlanSubject,
  { memory, microBatchTokens }: StepPlan,
  countLive?: CountLive,
): number {
  return Math.max(
    ...batchSizes(subject, microBatchTokens).map((size) =>
      totalBytes(stepBytes({ ...subject, ...size }, memory, countLive?.(memory, size))),
    ),
  );
}

function plansBySpeed(subject: PlanSubject): readonly StepPlan[] {
  const { microBatchTokens, longest } = subject;
  const whole = { microBatchTokens };
  const { lean } = stepMemory;
  const all = allKept(longest);
  const memories: readonly StepMemory[] = [
    all,
    { ...all, lossChunks: lean.lossChunks },
    { ...all, lossChunks: lean.lossChunks, prepack: false },
    { ...lean, prepack: true },
    lean,
  ];
  const [size] = batchSizes(subject, microBatchTokens);
  // of a usual machine, whatever this one does: the order must not change from one run to the next
  const seconds = (memory: StepMemory): number => stepSeconds({ ...subject, ...size }, memory, usualRate);
  const sorted = memories.toSorted((a, b) => seconds(a) - seconds(b));
  const smaller: StepPlan[] = [];
  for (let tokens = microBatchTokens / 2; tokens >= Math.max(longest, smallestMicroBatch); tokens /= 2)
    smaller.push({ memory: lean, microBatchTokens: Math.floor(tokens) });
  return [...sorted.map((memory) => ({ ...whole, memory })), ...smaller];
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

/** Rows up to this length have their scores at once: there, blocks save little. */
const atOnceTokensMax = 512;
const smallestMicroBatch = 128;
/** The rest is for what was not foreseen. */
const usableShare = 0.9;
