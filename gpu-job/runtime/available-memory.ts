import { freemem, totalmem } from 'node:os';
import { askGpu } from './ask-gpu.ts';
import type { Device } from './device.ts';

export interface AvailableMemory {
  readonly bytes: number;
  /** Where the figure comes from. */
  readonly what: string;
}

/**
 * What steps on a device may take in all: on a GPU what is free of its memory, less what its driver takes for a process. Throws
 * `DomainError('cuda')` where there is no such GPU.
 */
export async function availableOn(device: Device, nvidiaSmi = 'nvidia-smi'): Promise<AvailableMemory> {
  if (device === 'cpu') return availableMemory();
  const free = (await askGpu(device.cuda, 'memory.free', nvidiaSmi)) * 2 ** 20;
  return { bytes: Math.max(0, free - contextBytes), what: `free on GPU ${device.cuda}` };
}

/** Context of the driver, kernels and work spaces of its libraries: an allowance, not measured. */
const contextBytes = 1e9;

/** What this process may take in all: the limit of its container where there is one, else what is free and what it holds already. */
export function availableMemory(): AvailableMemory {
  const limit = process.constrainedMemory();
  if (limit > 0 && limit < totalmem()) return { bytes: limit, what: "the container's limit" };
  return { bytes: freemem() + process.memoryUsage.rss(), what: 'free memory' };
}
