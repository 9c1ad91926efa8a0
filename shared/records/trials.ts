import { sweepRequest } from '../contract/train-requests.ts';
import { hasEnded } from '../domain/job-states.ts';
import { trialsOf } from '../domain/sweep-requests.ts';
import { DomainError, invariant } from '../errors.ts';
import { ConditionError, type RecordTable, type World } from '../platform/ports.ts';
import type { Caller } from './caller.ts';
import { changeJobRecord } from './change-job-record.ts';
import { commit, newId } from './commit.ts';
import { findJob, type JobRecord } from './jobs.ts';
import { recordValue } from './stored.ts';
import { jobWrites, newJob, startRun } from './submit-job.ts';

/** The trials of a sweep that are there, in their order; undefined in the place of one that is not made yet. */
export async function readTrials(
  table: RecordTable,
  { team, trials }: Pick<JobRecord, 'team' | 'trials'>,
): Promise<readonly (JobRecord | undefined)[]> {
  const found = await inSmallGroups(trials?.jobs ?? [], ({ id }) => findJob(table, team, id));
  return found.map((record) => record?.value);
}

/**
 * Makes and starts the trials of a sweep that are not there yet. Their ids were chosen and their allowances reserved with the sweep, so that each is made once,
 * however often and by however many this is done, and takes nothing more from a budget.
 */
export async function startTrials(world: World, sweep: JobRecord): Promise<void> {
  const { team, trials, inputs, createdBy, id: sweepId } = sweep;
  if (!trials) return;
  const there = await readTrials(world.table, sweep);
  const asked = trialsOf(sweepRequest.parse(sweep.request));
  await inSmallGroups([...trials.jobs.entries()], async ([i, { id, versionId }]) => {
    if (there[i]) return;
    const trial = asked[i];
    invariant(trial, 'a sweep has an id for each of its trials');
    const caller: Caller = { team, keyId: createdBy, scopes: [], requestId: newId(world, 'req') };
    const request = recordValue(trial.request);
    const { allowance, needs } = trials;
    const job: JobRecord = {
      ...newJob(world, caller, { kind: 'train', request, inputs, makes: { versionId }, needs, allowance }),
      id,
      sweepId,
    };
    try {
      const change = { action: 'job.create', resource: `jobs/${id}`, detail: { kind: 'train', sweep: sweepId } };
      await commit(world, caller, change, jobWrites(job));
    } catch (error) {
      // somebody else was faster
      if (error instanceof ConditionError) return;
      throw error;
    }
    await startRun(world, job);
  });
}

/** Asks all trials that have not ended to end. */
export async function cancelTrials(world: World, caller: Caller, sweep: JobRecord): Promise<void> {
  for (const trial of await readTrials(world.table, sweep)) {
    if (!trial || hasEnded(trial.state)) continue;
    try {
      const { value } = await changeJobRecord(world, caller, trial.id, { type: 'cancel' });
      await world.runner.cancel(value.runId);
    } catch (error) {
      if (!(error instanceof DomainError && error.code === 'job-ended')) throw error;
    }
  }
}

/**
 * Lets the trials of a sweep go on that were cancelled, or ended by no fault of their settings; what was trained or has diverged stays as it is. Throws what a budget
 * is refused with.
 */
export async function resumeTrials(world: World, caller: Caller, sweep: JobRecord): Promise<void> {
  for (const trial of await readTrials(world.table, sweep)) {
    if (!trial || !isMissing(trial)) continue;
    const { value } = await changeJobRecord(world, caller, trial.id, { type: 'resume', bySweep: true });
    await startRun(world, value);
  }
}

/** Whether a trial that has ended could still be trained. */
function isMissing({ state, findings, allowance }: JobRecord): boolean {
  const isSpent = allowance !== null && allowance.chargedMilliseconds >= allowance.maxMilliseconds;
  if (isSpent) return false;
  return state === 'cancelled' || (state === 'failed' && findings.every(({ severity }) => severity !== 'error'));
}

/** Some at a time: a sweep has dozens of trials, and a store and a runner their pace. */
async function inSmallGroups<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += groupSize)
    results.push(...(await Promise.all(items.slice(i, i + groupSize).map(work))));
  return results;
}

const groupSize = 8;
