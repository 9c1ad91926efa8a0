import { DomainError } from '../errors.ts';
import type { RunNeeds } from '../platform/ports.ts';
import type { JobClass } from './environment.ts';

/**
 * The smallest class of machines that a run fits. One that computes much goes to the smallest GPU that holds it, and to a class without
 * GPUs only where there is no other; one that does not, the other way round. Throws `DomainError('no-machine')`.
 */
export function chooseClass(classes: readonly JobClass[], needs: RunNeeds | undefined): JobClass {
  const { accelerator = false, memoryBytes = 0 } = needs ?? {};
  const withGpu = classes
    .filter(({ gpuMemoryBytes }) => gpuMemoryBytes !== undefined)
    .toSorted((a, b) => (a.gpuMemoryBytes ?? 0) - (b.gpuMemoryBytes ?? 0));
  const without = classes.find(({ gpuMemoryBytes }) => gpuMemoryBytes === undefined);
  if (!accelerator && without) return without;
  const fitting = withGpu.find(({ gpuMemoryBytes }) => (gpuMemoryBytes ?? 0) >= memoryBytes);
  const chosen = fitting ?? (withGpu.length === 0 ? without : undefined);
  if (chosen) return chosen;
  const largest = withGpu.at(-1)?.gpuMemoryBytes;
  throw new DomainError(
    'no-machine',
    largest === undefined
      ? 'This process was started without a way to run jobs.'
      : `The job needs about ${memoryBytes} bytes of GPU memory and the largest class has ${largest}: use a smaller model or batch.microBatchTokens.`,
  );
}
