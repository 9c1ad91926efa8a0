import { invariant } from '../errors.ts';
import { estimateJob, trainedValues, type Estimate, type EstimateSubject } from './estimate.ts';

/**
 * What several trainings that share a base are expected to take: the work of all of them, on one copy of the base. `subjects`: each task as
 * the training that it would be by itself. What they save by sharing passes is not counted on.
 */
export function estimateTasks(subjects: readonly EstimateSubject[]): Estimate {
  const [subject] = subjects;
  invariant(subject, 'there are tasks');
  const alone = subjects.map((one) => estimateJob(one));
  const values = subjects.map((one) => trainedValues(one));
  const total = (of: (one: Estimate) => number): number => sum(alone.map(of));
  return {
    tokens: total(({ tokens }) => tokens ?? 0),
    steps: total(({ steps }) => steps ?? 0),
    stepsAreExact: alone.every(({ stepsAreExact }) => stepsAreExact),
    // passes are no larger for being shared; what each task trains is there beside the largest
    memoryBytes:
      Math.max(...alone.map(({ memoryBytes }) => memoryBytes)) + stateBytes * (sum(values) - Math.max(...values)),
    diskBytes: subject.baseBytes + total(({ diskBytes }) => diskBytes - subject.baseBytes),
    storedBytes: total(({ storedBytes }) => storedBytes),
    seconds: total(({ seconds }) => seconds),
    basis: alone[0]?.basis ?? '',
  };
}

/** What the trials of a sweep are expected to take: each is a job of its own, on a machine of its own. */
export function estimateTrials(subjects: readonly EstimateSubject[]): Estimate {
  const alone = subjects.map((one) => estimateJob(one));
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
