import { getJob as operation } from '../../shared/contract/jobs.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { handler } from '../http/handler.ts';
import { showJob } from './show-job.ts';

export const getJob = handler(operation, async ({ world }, { team }, { params }) =>
  showJob(world, (await getJobRecord(world.table, team, params.job)).value),
);
