import type { Job } from '../../shared/contract/jobs.ts';
import { hasEnded } from '../../shared/domain/job-states.ts';
import type { JsonObject, World } from '../../shared/platform/ports.ts';
import { readJsonBlob } from '../../shared/records/base-tensors.ts';
import { findHeartbeat } from '../../shared/records/job-heartbeat.ts';
import { presentJob, type JobRecord } from '../../shared/records/jobs.ts';
import { findVersion } from '../../shared/records/versions.ts';

/** A job with its progress, its report where it is done, and what stands of several versions where it is not. */
export async function showJob(world: Pick<World, 'table' | 'blobs'>, job: JobRecord): Promise<Job> {
  const output = await outputSoFar(world, job);
  const report = job.report && ((await readJsonBlob(world, job.report)) as JsonObject); // the platform wrote an object
  return presentJob({ ...job, output }, await findHeartbeat(world.table, job.team, job.id), report);
}

/** Versions are published one after another: what stands before all do is to be seen. */
async function outputSoFar({ table }: Pick<World, 'table'>, job: JobRecord): Promise<JobRecord['output']> {
  const { state, output, team, makes, startedAt } = job;
  if (state === 'succeeded' || startedAt === null || !makes.versionIds) return output;
  const found = await Promise.all(makes.versionIds.map((id) => findVersion(table, team, id)));
  const versions = found.flatMap((record) => {
    const { adapter, id, version = null, publishedAt = null } = record?.value ?? {};
    const stands = adapter !== undefined && id !== undefined && version !== null && publishedAt !== null;
    return stands ? [{ adapter, versionId: id, version }] : [];
  });
  return versions.length > 0 ? { ...output, versions } : output;
}

/** The same without what takes a look for each: reports, and the progress of those that do not run. */
export async function showListedJob({ table }: Pick<World, 'table'>, job: JobRecord): Promise<Job> {
  return presentJob(job, hasEnded(job.state) ? undefined : await findHeartbeat(table, job.team, job.id));
}
