import type { Handler } from '../http/handler.ts';
import { cancelJob } from './cancel-job.ts';
import { createJob } from './create-job.ts';
import { forkJob } from './fork-job.ts';
import { getJob } from './get-job.ts';
import { listJobFiles } from './list-job-files.ts';
import { listJobs } from './list-jobs.ts';
import { listLogs } from './list-logs.ts';
import { listMetrics } from './list-metrics.ts';
import { listSamples } from './list-samples.ts';
import { resumeJob } from './resume-job.ts';
import { streamJobEvents } from './stream-job-events.ts';

/** What this function answers. */
export const jobHandlers: readonly Handler[] = [
  createJob,
  listJobs,
  getJob,
  cancelJob,
  resumeJob,
  forkJob,
  listMetrics,
  listSamples,
  listLogs,
  streamJobEvents,
  listJobFiles,
];
