import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { openAwsWorld } from '../../shared/aws/aws-world.ts';
import { readAwsSettings } from '../../shared/aws/environment.ts';
import { eventFunction } from '../http/lambda-tools.ts';
import { jobOfEvent } from './job-of-event.ts';
import { sweepJob } from './sweep-job.ts';

const world = openAwsWorld(readAwsSettings(process.env));
const logger = new Logger();
const metrics = new Metrics();

/** Looks after the job of a container whose state has changed. The event is a hint: what holds is what Batch says when asked. */
export const handler = eventFunction({ logger, metrics }, async (event: unknown) => {
  const job = jobOfEvent(event);
  if (job) await sweepJob(world, job.team, job.jobId);
});
