import { cancelJob as operation } from '../../shared/contract/jobs.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { cancelTrials } from '../../shared/records/trials.ts';
import { handler } from '../http/handler.ts';
import { showJob } from './show-job.ts';

export const cancelJob = handler(operation, async ({ world }, caller, { params }) => {
  const { value } = await changeJobRecord(world, caller, params.job, { type: 'cancel' });
  try {
    await world.runner.cancel(value.runId);
    await cancelTrials(world, caller, value);
  } catch (error) {
    // the wish is written; the sweep tells the runner again
    if (!(error instanceof UnavailableError)) throw error;
  }
  return showJob(world, value);
});
