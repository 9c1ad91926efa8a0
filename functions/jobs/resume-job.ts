import { resumeJob as operation } from '../../shared/contract/jobs.ts';
import { getReadable } from '../../shared/records/shares.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { startRun } from '../../shared/records/submit-job.ts';
import { handler } from '../http/handler.ts';
import { showJob } from './show-job.ts';

/** One that reads what another team shares goes on only while that is so. */
export const resumeJob = handler(operation, async ({ world }, caller, { params }) => {
  const { shared = [] } = (await getJobRecord(world.table, caller.team, params.job)).value;
  for (const { adapter } of shared) await getReadable(world.table, caller.team, adapter);
  const { value } = await changeJobRecord(world, caller, params.job, { type: 'resume' });
  await startRun(world, value);
  return showJob(world, value);
});
