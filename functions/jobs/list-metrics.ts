import { listMetrics as operation } from '../../shared/contract/jobs.ts';
import { chunksBackwards } from '../../shared/records/job-stream.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { handler } from '../http/handler.ts';
import { metricRows, type MetricRow } from './metric-rows.ts';

export const listMetrics = handler(operation, async ({ world }, { team }, { params, query }) => {
  await getJobRecord(world.table, team, params.job);
  const { afterStep, limit, task } = query;
  const rows = await metricRows(chunksBackwards(world.table, team, params.job), afterStep, task);
  const count = wholeSteps(rows, limit);
  return { rows: rows.slice(0, count), more: rows.length > count };
});

/** A page that ended between the loss of a step and its evaluation would hide the second from who asks for what comes after that step. */
function wholeSteps(rows: readonly MetricRow[], limit: number): number {
  let count = limit;
  while (count < rows.length && rows[count]?.step === rows[count - 1]?.step) count++;
  return count;
}
