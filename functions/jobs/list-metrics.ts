import { listMetrics as operation } from '../../shared/contract/jobs.ts';
import { chunksBackwards } from '../../shared/records/job-stream.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { handler } from '../http/handler.ts';
import { metricRows } from './metric-rows.ts';

export const listMetrics = handler(operation, async ({ world }, { team }, { params, query }) => {
  await getJobRecord(world.table, team, params.job);
  const { afterStep, limit } = query;
  const rows = await metricRows(chunksBackwards(world.table, team, params.job), afterStep);
  return { rows: rows.slice(0, limit), more: rows.length > limit };
});
