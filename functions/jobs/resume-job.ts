import { resumeJob as operation } from '../../shared/contract/jobs.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { startRun } from '../../shared/records/submit-job.ts';
import { handler } from '../http/handler.ts';
import { showJob } from './show-job.ts';

export const resumeJob = handler(operation, async ({ world }, caller, { params }) => {
  const { value } = await changeJobRecord(world, caller, params.job, { type: 'resume' });
  await startRun(world, value);
  return showJob(world, value);
});
