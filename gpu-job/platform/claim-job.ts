import { DomainError } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import type { Fence } from '../../shared/records/job-fence.ts';
import type { JobRecord } from '../../shared/records/jobs.ts';

/**
 * Takes a job for this run; undefined when it is not to be done, or not by this run. A job that was cancelled before its container came up
 * ends here.
 */
export async function claimJob(
  world: World,
  caller: Caller,
  {
    jobId,
    runId,
    machineClass,
  }: { readonly jobId: string; readonly runId: string; readonly machineClass: string | undefined },
): Promise<{ readonly job: JobRecord; readonly fence: Fence } | undefined> {
  const also = { machineClass: machineClass ?? null };
  try {
    const { value, fence } = await changeJobRecord(world, caller, jobId, { type: 'claim', runId }, { also });
    return { job: value, fence };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    if (error.code === 'cancelling') await endCancelled(world, caller, jobId, runId);
    else if (!notForUs.has(error.code)) throw error;
    return undefined;
  }
}

const notForUs: ReadonlySet<string> = new Set(['other-run', 'job-ended', 'not-found']);

async function endCancelled(world: World, caller: Caller, jobId: string, runId: string): Promise<void> {
  const change = { type: 'stop', reason: 'It was cancelled before it began.' } as const;
  try {
    await changeJobRecord(world, caller, jobId, change, { ifRun: runId });
  } catch (error) {
    if (!(error instanceof DomainError && notForUs.has(error.code))) throw error;
  }
}
