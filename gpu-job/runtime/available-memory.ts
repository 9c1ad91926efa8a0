import { freemem, totalmem } from 'node:os';

export interface AvailableMemory {
  readonly bytes: number;
  /** Where the figure comes from. */
  readonly what: string;
}

/** What this process may take in all: the limit of its container where there is one, else what is free and what it holds already. */
export function availableMemory(): AvailableMemory {
  const limit = process.constrainedMemory();
  if (limit > 0 && limit < totalmem()) return { bytes: limit, what: "the container's limit" };
  return { bytes: freemem() + process.memoryUsage.rss(), what: 'free memory' };
}
