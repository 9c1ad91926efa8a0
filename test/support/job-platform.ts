import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sweep } from '../../functions/job-events/sweep.ts';
import type { Job } from '../../shared/contract/jobs.ts';
import { getJob } from '../../shared/contract/jobs.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { hasEnded } from '../../shared/domain/job-states.ts';
import type { RunInfo } from '../../shared/platform/ports.ts';
import { openLocalApi, type LocalApi } from './local-api.ts';

export interface JobPlatform extends LocalApi {
  /** Folder in which containers work. */
  readonly work: string;
  /** Environment of containers that start from now on. */
  readonly env: Record<string, string>;
  /** Looks after the jobs until this one is in a state that `until` takes; throws after a minute. */
  waitFor(client: ApiClient, jobId: string, until?: (job: Job) => boolean): Promise<Job>;
}

export interface JobPlatformOptions {
  /** Script that is started as the container. */
  readonly container?: string;
  /** Whether anybody looks after the jobs. Default true. */
  readonly sweeps?: boolean;
}

const main = fileURLToPath(new URL('../../gpu-job/main.ts', import.meta.url));

/** The API with its jobs: containers are processes of their own, and a sweep looks after them every fraction of a second. */
export async function openJobPlatform({
  container = main,
  sweeps = true,
}: JobPlatformOptions = {}): Promise<JobPlatform> {
  const env: Record<string, string> = {};
  const commandOf = ({ runId, jobId, team }: RunInfo, folder: string) => ({
    command: process.execPath,
    args: ['--import', 'tsx', container, '--job', jobId, '--team', team, '--run', runId],
    // tests share the cores, and threads that wait for each other cost more than they bring
    env: { PATH: process.env['PATH'], TMPDIR: tmpdir(), LORARY_DATA: folder, LORARY_JOB_THREADS: '1', ...env },
  });
  const api = await openLocalApi({ commandOf });
  const work = join(api.folder, 'work');
  const errors: unknown[] = [];
  const look = (): Promise<void> => sweep(api.world, { work, log: (_, error) => void errors.push(error) });
  return {
    ...api,
    work,
    env,
    async waitFor(client, jobId, until = ({ state }) => hasEnded(state)) {
      for (const begin = Date.now(); ;) {
        if (sweeps) await look();
        const job = await client.call(getJob, { params: { job: jobId } });
        if (until(job)) return job;
        if (Date.now() - begin > 60_000) throw new Error(`the job stays ${job.state}: ${job.reason} ${errors.join()}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
  };
}
