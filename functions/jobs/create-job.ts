import { createJob as operation } from '../../shared/contract/jobs.ts';
import { creator } from '../http/handler.ts';
import { madeJob, makeJob } from './make-job.ts';

export const createJob = creator(
  operation,
  (deps, caller, { body, query }) => makeJob(deps, caller, body, query),
  (deps, caller, created, { body }) => madeJob(deps, caller, created, body),
);
