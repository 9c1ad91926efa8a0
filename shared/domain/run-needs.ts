import type { JobKind } from '../contract/jobs.ts';
import type { Estimate } from './estimate.ts';

/**
 * What a job asks of its machine: those that multiply matrices go where that is fast, those that pass over files do not. `withoutAccelerator`
 * lists kinds that go without all the same.
 */
export function runNeeds(
  kind: JobKind,
  { memoryBytes }: Pick<Estimate, 'memoryBytes'>,
  withoutAccelerator: readonly JobKind[] = [],
) {
  const accelerator = accelerated.has(kind) && !withoutAccelerator.includes(kind);
  return { accelerator, memoryBytes: Math.ceil(memoryBytes) };
}

const accelerated: ReadonlySet<JobKind> = new Set<JobKind>(['train', 'train-tasks', 'evaluate', 'generate', 'merge']);
