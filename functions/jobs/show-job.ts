import type { Job } from '../../shared/contract/jobs.ts';
import { sweepRequest } from '../../shared/contract/train-requests.ts';
import { hasEnded } from '../../shared/domain/job-states.ts';
import { trialsOf } from '../../shared/domain/sweep-requests.ts';
import type { JsonObject, World } from '../../shared/platform/ports.ts';
import { readJsonBlob } from '../../shared/records/base-tensors.ts';
import { findHeartbeat } from '../../shared/records/job-heartbeat.ts';
import { presentJob, type JobRecord } from '../../shared/records/jobs.ts';
import { readTrials } from '../../shared/records/trials.ts';
import { findVersion } from '../../shared/records/versions.ts';

/** A job with its progress, its report where it is done, and what stands of several versions where it is not. */
export async function showJob(world: Pick<World, 'table' | 'blobs'>, job: JobRecord): Promise<Job> {
  const output = await outputSoFar(world, job);
  const report = job.report && ((await readJsonBlob(world, job.report)) as JsonObject); // the platform wrote an object
  const shown = presentJob({ ...job, output }, await findHeartbeat(world.table, job.team, job.id), report);
  return job.trials ? withTrials(world, job, shown) : shown;
}

/** A sweep has taken what its trials have; while they go on, they are its progress. */
async function withTrials({ table }: Pick<World, 'table'>, job: JobRecord, shown: Job): Promise<Job> {
  const found = await readTrials(table, job);
  const asked = trialsOf(sweepRequest.parse(job.request));
  const trials = asked.map(({ name, settings }, i) => ({
    name,
    settings: { ...settings },
    jobId: job.trials?.jobs[i]?.id ?? '',
    state: found[i]?.state ?? ('queued' as const),
  }));
  const usages = [shown.usage, ...found.flatMap((trial) => (trial ? [presentJob(trial, undefined).usage] : []))];
  const total = (of: (usage: Job['usage']) => number): number => usages.reduce((sum, usage) => sum + of(usage), 0);
  const usage = {
    machineSeconds: total(({ machineSeconds }) => machineSeconds),
    machineClass: found.find((trial) => trial?.machineClass)?.machineClass ?? shown.usage.machineClass,
    chargedSeconds: total(({ chargedSeconds }) => chargedSeconds),
    dollars: total(({ dollars }) => dollars),
  };
  const done = trials.filter(({ state }) => hasEnded(state)).length;
  const progress = { stage: 'trials', done, total: trials.length, unit: 'trials' };
  return { ...shown, usage, trials, progress: shown.progress ?? progress };
}

/** Versions are published one after another: what stands before all do is to be seen. */
async function outputSoFar({ table }: Pick<World, 'table'>, job: JobRecord): Promise<JobRecord['output']> {
  const { state, output, team, makes, trials, startedAt } = job;
  const ids = makes.versionIds ?? trials?.jobs.map(({ versionId }) => versionId) ?? [];
  if (state === 'succeeded' || startedAt === null) return output;
  const found = await Promise.all(ids.map((id) => findVersion(table, team, id)));
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
