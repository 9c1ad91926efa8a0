import { join } from 'node:path';
import { runJob } from '../../gpu-job/main.ts';
import type { ContainerTools } from '../../gpu-job/platform/container.ts';
import { runContainer } from '../../gpu-job/platform/run-container.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import type { LocalApi } from './local-api.ts';

/** Does a job in this process, as its container would: the run that the platform started for it does nothing. */
export async function runHere(
  api: LocalApi,
  jobId: string,
  tools: Partial<ContainerTools> & { readonly team?: string } = {},
): Promise<void> {
  const { team = 'blue', ...rest } = tools;
  const { value } = await getJobRecord(api.world.table, team, jobId);
  const stop = new AbortController().signal;
  const run = { team, jobId, runId: value.runId };
  await runContainer(api.world, run, { work: join(api.folder, 'work'), stop, runJob, threads: 1, ...rest });
}
