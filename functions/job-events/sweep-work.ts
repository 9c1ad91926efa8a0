import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasEnded } from '../../shared/domain/job-states.ts';
import { limits } from '../../shared/limits.ts';
import type { World } from '../../shared/platform/ports.ts';
import { findJob } from '../../shared/records/jobs.ts';

/** Removes what containers of ended jobs could not remove themselves: `<work>/<team>/<job>`. */
export async function sweepWork(world: Pick<World, 'table' | 'now'>, work: string): Promise<void> {
  for (const team of await namesIn(work))
    for (const jobId of await namesIn(join(work, team))) {
      const job = (await findJob(world.table, team, jobId))?.value;
      const endedAt = job && hasEnded(job.state) && job.endedAt !== null ? Date.parse(job.endedAt) : undefined;
      const isOver = !job || (endedAt !== undefined && world.now() - endedAt > limits.jobLeaveSeconds * 1000);
      if (isOver) await rm(join(work, team, jobId), { recursive: true, force: true });
    }
}

async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
