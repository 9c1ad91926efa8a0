import { invariant } from '../errors.ts';
import { estimateJob, leastBytes, type Estimate } from './estimate.ts';
import type { EstimateSubject } from './estimate-subject.ts';
import { trainedValues } from './estimate-train.ts';

/**
 * What a job is expected to take on a machine with so much memory, or several trainings that share a base: the work of all of them, on one
 * copy of the base. `subjects`: each task as the training that it would be by itself. What they save by sharing passes is not counted on.
 */
export function estimateTasks(subjects: readonly EstimateSubject[], availableBytes = Infinity): Estimate {
  const [subject, ...others] = subjects;
  invariant(subject, 'there are tasks');
  if (others.length === 0) return estimateJob(subject, availableBytes);
  const alone = subjects.map((one) => estimateJob(one, availableBytes));
  const total = (of: (one: Estimate) => number): number => sum(alone.map(of));
  return {
    tokens: total(({ tokens }) => tokens ?? 0),
    steps: total(({ steps }) => steps ?? 0),
    stepsAreExact: alone.every(({ stepsAreExact }) => stepsAreExact),
    memoryBytes: together(
      subjects,
      alone.map(({ memoryBytes }) => memoryBytes),
    ),
    diskBytes: subject.baseBytes + total(({ diskBytes }) => diskBytes - subject.baseBytes),
    storedBytes: total(({ storedBytes }) => storedBytes),
    seconds: total(({ seconds }) => seconds),
    training: null,
    basis: alone[0]?.basis ?? '',
  };
}

/** Bytes that they take at least, computed in the most frugal way. */
export const leastTasksBytes = (subjects: readonly EstimateSubject[]): number =>
  together(subjects, subjects.map(leastBytes));

/** Passes are no larger for being shared; what each task trains is there beside the largest. */
function together(subjects: readonly EstimateSubject[], bytes: readonly number[]): number {
  const values = subjects.map(trainedValues);
  return Math.max(...bytes) + stateBytes * (sum(values) - Math.max(...values));
}

/** What the trials of a sweep are expected to take: each is a job of its own, on a machine of its own. */
export function estimateTrials(subjects: readonly EstimateSubject[], availableBytes = Infinity): Estimate {
  const alone = subjects.map((one) => estimateJob(one, availableBytes));
  const total = (of: (one: Estimate) => number): number => sum(alone.map(of));
  const most = (of: (one: Estimate) => number): number => Math.max(...alone.map(of));
  return {
    tokens: total(({ tokens }) => tokens ?? 0),
    steps: total(({ steps }) => steps ?? 0),
    stepsAreExact: alone.every(({ stepsAreExact }) => stepsAreExact),
    memoryBytes: most(({ memoryBytes }) => memoryBytes),
    diskBytes: most(({ diskBytes }) => diskBytes),
    storedBytes: total(({ storedBytes }) => storedBytes),
    seconds: total(({ seconds }) => seconds),
    training: null,
    basis: alone[0]?.basis ?? '',
  };
}

/** What the longest of several trainings is expected to take. */
export function longestSeconds(subjects: readonly EstimateSubject[]): number {
  return Math.max(...subjects.map((one) => estimateJob(one).seconds));
}

/** Of a value that is trained: itself, its gradient and two moments, in float32. */
const stateBytes = 16;

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
