import type { Job } from '../../shared/contract/jobs.ts';
import { hasEnded } from '../../shared/domain/job-states.ts';
import type { JsonObject, World } from '../../shared/platform/ports.ts';
import { readJsonBlob } from '../../shared/records/base-tensors.ts';
import { findHeartbeat } from '../../shared/records/job-heartbeat.ts';
import { presentJob, type JobRecord } from '../../shared/records/jobs.ts';

/** A job with its progress, and its report where it is done. */
export async function showJob(world: Pick<World, 'table' | 'blobs'>, job: JobRecord): Promise<Job> {
  const report = job.report && ((await readJsonBlob(world, job.report)) as JsonObject); // the platform wrote an object
  return presentJob(job, await findHeartbeat(world.table, job.team, job.id), report);
}

/** The same without what takes a look for each: reports, and the progress of those that do not run. */
export async function showListedJob({ table }: Pick<World, 'table'>, job: JobRecord): Promise<Job> {
  return presentJob(job, hasEnded(job.state) ? undefined : await findHeartbeat(table, job.team, job.id));
}
