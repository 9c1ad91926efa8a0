import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../limits.ts';
import type { RunQueue } from './run-queue.ts';

/** Forgets runs that have been over for long, with what they printed. The folder goes first, so that no folder is left without a run. */
export async function sweepRuns(folder: string, queue: RunQueue, now: number): Promise<void> {
  for (const runId of queue.overBefore(now - limits.jobTracesKeptSeconds * 1000, now)) {
    await rm(join(folder, runId), { recursive: true, force: true });
    queue.forget(runId);
  }
}
