import { hasEnded, type JobChange } from '../../shared/domain/job-states.ts';
import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import type { RunInfo, World } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { newId } from '../../shared/records/commit.ts';
import { findJob, type JobRecord } from '../../shared/records/jobs.ts';
import { startRun } from '../../shared/records/submit-job.ts';
import { cancelTrials, readTrials, startTrials } from '../../shared/records/trials.ts';
import { isSilent } from './silence.ts';

/** Brings one unfinished job on, where its runner or its silence says that nobody else will. */
export async function sweepJob(world: World, team: string, jobId: string): Promise<void> {
  const found = await findJob(world.table, team, jobId);
  if (!found) return;
  const job = found.value;
  if (hasEnded(job.state)) {
    // its sweep may have waited for it
    if (job.sweepId !== null) await sweepJob(world, team, job.sweepId);
    return;
  }
  if (job.trials && job.claimedAt === null && !(await haveEnded(world, job))) return;
  const run = await world.runner.describe(job.runId);
  if (run?.state === 'ended' || run?.state === 'lost') return change(world, job, changeAfter(run));
  if (job.state === 'cancelling') await world.runner.cancel(job.runId);
  if (!run && job.state === 'queued') {
    if (job.retryAt === null || Date.parse(job.retryAt) <= world.now()) await startRun(world, job);
    return;
  }
  if (run?.state === 'waiting') return;
  if (isOverdue(world, job))
    return takeAway(world, job, 'It took longer than its allowance, and did not end by itself.');
  if (!(await isSilent(world, job))) return;
  await takeAway(world, job, 'It gave no sign of life.');
}

/** Whether the trials of a sweep that no container has yet have all ended; until then, brings them on. A sweep that was asked to end does so after them. */
async function haveEnded(world: World, job: JobRecord): Promise<boolean> {
  await startTrials(world, job);
  const isCancelled = job.state === 'cancelling';
  const caller: Caller = { team: job.team, keyId: 'platform', scopes: [], requestId: newId(world, 'swp') };
  if (isCancelled) await cancelTrials(world, caller, job);
  const trials = await readTrials(world.table, job);
  if (!trials.every((trial) => trial && hasEnded(trial.state))) return false;
  if (!isCancelled) return true;
  await world.runner.cancel(job.runId);
  await change(world, job, { type: 'stop', reason: 'It was cancelled; its trials have ended.' });
  return false;
}

/** Whatever its container may still be doing, it has lost the job. */
async function takeAway(world: World, job: JobRecord, reason: string): Promise<void> {
  await world.runner.cancel(job.runId);
  await change(world, job, { type: 'die', reason });
}

/** A container ends by itself when the allowance is spent, and has had its time to publish. */
function isOverdue({ now }: Pick<World, 'now'>, { allowance, claimedAt }: JobRecord): boolean {
  if (!allowance || claimedAt === null) return false;
  const taken = allowance.chargedMilliseconds + now() - Date.parse(claimedAt);
  return taken > allowance.maxMilliseconds + limits.jobOverdueSeconds * 1000;
}

/** What a run that is over means for a job that does not say so itself. */
function changeAfter({ exitCode, reason }: RunInfo): JobChange {
  if (exitCode === exitCodes.refused)
    return { type: 'refuse', reason: reason ?? 'Its container refused it and could not say why.' };
  if (exitCode === exitCodes.retry) return { type: 'stop', reason: reason ?? 'Its container asked to be tried again.' };
  const how = exitCode === undefined ? 'It ended without an exit code.' : `It ended with exit code ${exitCode}.`;
  return { type: 'die', reason: reason ?? how };
}

/** Of a container, as `gpu-job/main.ts` gives them. */
const exitCodes = { refused: 2, retry: 75 } as const;

async function change(world: World, job: JobRecord, what: JobChange): Promise<void> {
  const caller: Caller = { team: job.team, keyId: 'platform', scopes: [], requestId: newId(world, 'swp') };
  try {
    const { value } = await changeJobRecord(world, caller, job.id, what, { ifRun: job.runId });
    if (value.state === 'queued' && value.retryAt === null) await startRun(world, value);
  } catch (error) {
    // the container, or another sweep, was faster
    if (!(error instanceof DomainError && ['other-run', 'job-ended'].includes(error.code))) throw error;
  }
}
