import { DomainError } from '../errors.ts';
import type { RunNeeds } from '../platform/ports.ts';
import type { JobClass } from './environment.ts';

/**
 * The smallest class of machines that a run fits, or the largest there is: an estimate is no reason to refuse. One that computes much goes to
 * a GPU, and to a class without GPUs only where there is no other; one that does not, the other way round. Throws
 * `DomainError('no-machine')` where there are no classes.
 */
export function chooseClass(classes: readonly JobClass[], needs: RunNeeds | undefined): JobClass {
  const { accelerator = false, memoryBytes = 0 } = needs ?? {};
  const withGpu = classes
    .filter(({ gpuMemoryBytes }) => gpuMemoryBytes !== undefined)
    .toSorted((a, b) => (a.gpuMemoryBytes ?? 0) - (b.gpuMemoryBytes ?? 0));
  const without = classes.find(({ gpuMemoryBytes }) => gpuMemoryBytes === undefined);
  if (!accelerator && without) return without;
  const fitting = withGpu.find(({ gpuMemoryBytes }) => (gpuMemoryBytes ?? 0) >= memoryBytes);
  const chosen = fitting ?? withGpu.at(-1) ?? without;
  if (!chosen) throw new DomainError('no-machine', 'This process was started without a way to run jobs.');
  return chosen;
}
