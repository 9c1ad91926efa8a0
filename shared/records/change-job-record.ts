import { charge } from '../domain/allowance.ts';
import { changeJob, hasEnded, type JobChange } from '../domain/job-states.ts';
import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';
import { ConditionError, type RecordWrite, type World } from '../platform/ports.ts';
import type { Caller } from './caller.ts';
import { commit, newId } from './commit.ts';
import { accountWrites } from './budgets.ts';
import { fenceCheck, fencedOut, nextFenceWrite, readFence, type Fence } from './job-fence.ts';
import { chunkWrite, streamEnd } from './job-stream.ts';
import { failedImportWrites } from './failed-import.ts';
import { getJobRecord, jobWrite, type JobRecord } from './jobs.ts';
import { keys } from './keys.ts';
import { purgeWrite } from './purges.ts';
import type { Stored } from './stored.ts';

export interface ChangeOptions {
  /** Of the container that makes the change; absent: somebody else does, and whoever holds the job loses it. */
  readonly fence?: Fence;
  /** The change was decided on what this run did: it is refused (`other-run`) when the job has another meanwhile. */
  readonly ifRun?: string;
  /** What else the record says from now on. */
  readonly also?: Partial<Pick<JobRecord, 'output' | 'stoppedBy' | 'report' | 'findings' | 'machineClass'>>;
}

export interface ChangedJob extends Stored<JobRecord> {
  /** The fence that stands now. */
  readonly fence: Fence;
}

/**
 * Brings a job into its next state, tells its stream, takes it from the container that held it, and settles what that took, in one transaction. Throws
 * `DomainError` with the code of `changeJob` when it may not happen, and `FencedOutError`.
 */
export async function changeJobRecord(
  world: World,
  caller: Caller,
  jobId: string,
  change: JobChange,
  options: ChangeOptions = {},
): Promise<ChangedJob> {
  const { team } = caller;
  for (;;) {
    const found = await getJobRecord(world.table, team, jobId);
    const fence = options.fence ?? (await readFence(world.table, team, jobId));
    const job = found.value;
    if (options.ifRun !== undefined && options.ifRun !== job.runId)
      throw new DomainError('other-run', 'Another run has taken this job over.');
    const step = changeJob(job, change);
    if ('refused' in step) throw new DomainError(step.refused, step.reason);
    if (change.type === 'cancel' && step.state === job.state) return { ...found, fence };
    if (change.type === 'resume') refuseSpent(job);
    const at = new Date(world.now()).toISOString();
    const next: JobRecord = {
      ...job,
      ...step,
      ...options.also,
      ...timesOf(job, step.state, change, at),
      ...usageOf(job, step.state, at),
      runId: step.state === 'queued' ? newId(world, 'run') : job.runId,
    };

    // a container that was asked to end keeps the job until it has saved its work
    const keepsFence = options.fence !== undefined || step.state === 'cancelling';
    const fenceWrite = keepsFence ? fenceCheck(fence) : nextFenceWrite(fence);
    const after = keepsFence ? fence : { ...fence, epoch: fence.epoch + 1, revision: fence.revision + 1 };
    const firstId = await streamEnd(world.table, team, jobId);
    const event = { type: 'state', state: next.state, reason: next.reason } as const;
    const writes: RecordWrite[] = [
      fenceWrite,
      jobWrite(next, found.revision),
      chunkWrite({ team, jobId, firstId }, { at, attempt: next.attempt }, [event]),
      ...(await failedImportWrites(world, next)),
      ...tracesWrites(world, job, next),
      ...(await accountWrites(world, job, next)),
    ];
    try {
      const detail = { state: next.state, reason: next.reason };
      await commit(world, caller, { action: `job.${change.type}`, resource: `jobs/${jobId}`, detail }, writes);
      return { value: next, revision: found.revision + 1, fence: after };
    } catch (error) {
      const known = options.fence ? fencedOut(error, 0) : error;
      if (!(known instanceof ConditionError)) throw known;
    }
  }
}

/** A job whose allowance is used up would end where it begins. */
function refuseSpent({ allowance }: JobRecord): void {
  if (allowance && allowance.chargedMilliseconds >= allowance.maxMilliseconds)
    throw new DomainError(
      'budget-spent',
      `The job has taken the ${allowance.maxMilliseconds / 1000} s that it may: fork it with a larger budget.`,
    );
}

/** What a job leaves on its way goes some time after its end, unless somebody asks for it to go on. */
function tracesWrites(world: Pick<World, 'now'>, before: JobRecord, after: JobRecord): RecordWrite[] {
  const { team, id } = after;
  if (hasEnded(after.state)) return [purgeWrite(world, { team, kind: 'job', id, why: 'ended' })];
  return hasEnded(before.state) ? [{ delete: keys.purge(team, id) }] : [];
}

function timesOf(
  job: JobRecord,
  state: JobRecord['state'],
  change: JobChange,
  at: string,
): Pick<JobRecord, 'startedAt' | 'endedAt' | 'retryAt'> {
  const waitSeconds = Math.min(2 ** job.stops, limits.jobRetryWaitSecondsMax);
  return {
    startedAt: job.startedAt ?? (state === 'running' ? at : null),
    endedAt: hasEnded(state) ? at : null,
    retryAt:
      state === 'queued' && change.type === 'stop' ? new Date(Date.parse(at) + 1000 * waitSeconds).toISOString() : null,
  };
}

/** A container has a job from its claim on, also while it is asked to end; a sweep that is asked to end while it waits has none. */
function usageOf(
  { claimedAt, machineSeconds, allowance }: JobRecord,
  state: JobRecord['state'],
  at: string,
): Pick<JobRecord, 'claimedAt' | 'machineSeconds' | 'allowance'> {
  const isHeld = state === 'running' || (state === 'cancelling' && claimedAt !== null);
  if (isHeld) return { claimedAt: claimedAt ?? at, machineSeconds, allowance };
  const milliseconds = claimedAt === null ? 0 : Math.max(0, Date.parse(at) - Date.parse(claimedAt));
  return {
    claimedAt: null,
    machineSeconds: machineSeconds + milliseconds / 1000,
    allowance: allowance && charge(allowance, milliseconds),
  };
}
