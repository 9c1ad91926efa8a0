import { resumeJob as operation } from '../../shared/contract/jobs.ts';
import { getReadable } from '../../shared/records/shares.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { startRun } from '../../shared/records/submit-job.ts';
import { cancelTrials, resumeTrials } from '../../shared/records/trials.ts';
import { isResumable } from '../../shared/domain/job-states.ts';
import { DomainError } from '../../shared/errors.ts';
import { handler } from '../http/handler.ts';
import { showJob } from './show-job.ts';

/** One that reads what another team shares goes on only while that is so. */
export const resumeJob = handler(operation, async ({ world }, caller, { params }) => {
  const found = await getJobRecord(world.table, caller.team, params.job);
  const { shared = [] } = found.value;
  for (const { adapter } of shared) await getReadable(world.table, caller.team, adapter);
  const hasTrials = found.value.trials !== null && isResumable(found.value);
  try {
    // before the sweep, which would else find that all have ended
    if (hasTrials) await resumeTrials(world, caller, found.value);
    const { value } = await changeJobRecord(world, caller, params.job, { type: 'resume' });
    if (!value.trials) await startRun(world, value);
    return await showJob(world, value);
  } catch (error) {
    if (hasTrials && error instanceof DomainError) await cancelTrials(world, caller, found.value);
    throw error;
  }
});
