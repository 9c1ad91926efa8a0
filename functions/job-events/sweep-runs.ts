import { hasEnded } from '../../shared/domain/job-states.ts';
import { limits } from '../../shared/limits.ts';
import type { RunInfo, World } from '../../shared/platform/ports.ts';
import { findJob } from '../../shared/records/jobs.ts';

/** Ends runs that work for nobody: their job is gone, has ended for a while, or has another run. */
export async function sweepRuns(world: World): Promise<void> {
  for (const run of await world.runner.list()) if (await isOrphan(world, run)) await world.runner.cancel(run.runId);
}

async function isOrphan(world: World, { team, jobId, runId }: RunInfo): Promise<boolean> {
  const job = (await findJob(world.table, team, jobId))?.value;
  if (!job || job.runId !== runId) return true;
  if (!hasEnded(job.state) || job.endedAt === null) return false;
  // a container ends its job a moment before itself
  return world.now() - Date.parse(job.endedAt) > limits.jobLeaveSeconds * 1000;
}
