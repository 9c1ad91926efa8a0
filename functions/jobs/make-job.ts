import type { JobRequest } from '../../shared/contract/job-requests.ts';
import type { createJob } from '../../shared/contract/jobs.ts';
import type { OperationOutput } from '../../shared/contract/operation.ts';
import type { Finding } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { getJobRecord, presentJob } from '../../shared/records/jobs.ts';
import { recordValue } from '../../shared/records/stored.ts';
import { submitJob } from '../../shared/records/submit-job.ts';
import { newAllowance } from '../../shared/domain/allowance.ts';
import { runNeeds } from '../../shared/domain/run-needs.ts';
import type { ApiDeps } from '../http/api-deps.ts';
import { resolveRequest } from './resolve-request.ts';
import { showJob } from './show-job.ts';

type Made = OperationOutput<typeof createJob>;

/** Checks a request whole and starts its job; with `dryRun` only the first. */
export async function makeJob(
  { world, withoutAccelerator, priceOf }: Pick<ApiDeps, 'world' | 'withoutAccelerator' | 'priceOf'>,
  caller: Caller,
  asked: JobRequest,
  { dryRun, forkOf }: { readonly dryRun: boolean; readonly forkOf?: string },
): Promise<Made> {
  const { request, inputs, makes, estimate, warnings } = await resolveRequest(world, caller, asked);
  const answer = { estimate, warnings: warnings as Finding[] };
  if (dryRun) return { job: null, ...answer };
  const { kind } = request;
  const fork = forkOf === undefined ? {} : { forkOf };
  const needs = runNeeds(kind, estimate, withoutAccelerator);
  const allowance = newAllowance(request.budget ?? {}, priceOf?.(needs).microDollarsPerHour ?? 0, estimate.seconds);
  const made = { kind, request: recordValue(request), inputs, makes, needs, allowance, ...fork };
  const job = await submitJob(world, caller, made);
  return { job: presentJob(job, undefined), ...answer };
}

/** What a repeated call answers: the job as it is now. */
export async function madeJob(world: World, caller: Caller, jobId: string, asked: JobRequest): Promise<Made> {
  const { value } = await getJobRecord(world.table, caller.team, jobId);
  const { estimate, warnings } = await resolveRequest(world, caller, asked).catch(() => unknownNow);
  return { job: await showJob(world, value), estimate, warnings: [...warnings] };
}

/** What it was made from is not what it was: the job stands, and nothing can be said of what it would take today. */
const unknownNow: Pick<Made, 'estimate' | 'warnings'> = {
  estimate: {
    tokens: null,
    steps: null,
    stepsAreExact: false,
    memoryBytes: 0,
    diskBytes: 0,
    seconds: 0,
    basis: 'Its inputs have changed since.',
  },
  warnings: [],
};
