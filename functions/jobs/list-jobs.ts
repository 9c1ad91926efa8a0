import { listJobs as operation } from '../../shared/contract/jobs.ts';
import { readJob } from '../../shared/records/jobs.ts';
import { lists } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { handler } from '../http/handler.ts';
import { showListedJob } from './show-job.ts';

export const listJobs = handler(operation, ({ world }, { team }, { query }) => {
  const { state, kind } = query;
  const list = { partition: lists.jobs(team), index: 'index1', reverse: true } as const;
  return readPage(world, list, query, async (record) => {
    const { value } = readJob(record);
    if (state !== undefined && value.state !== state) return undefined;
    if (kind !== undefined && value.kind !== kind) return undefined;
    return showListedJob(world, value);
  });
});
