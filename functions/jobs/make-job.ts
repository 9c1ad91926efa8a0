import type { JobRequest } from '../../shared/contract/job-requests.ts';
import type { createJob } from '../../shared/contract/jobs.ts';
import type { OperationOutput } from '../../shared/contract/operation.ts';
import type { Finding } from '../../shared/errors.ts';
import type { RunNeeds } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { getJobRecord, presentJob } from '../../shared/records/jobs.ts';
import { recordValue } from '../../shared/records/stored.ts';
import { submitJob } from '../../shared/records/submit-job.ts';
import { newAllowance, type Allowance } from '../../shared/domain/allowance.ts';
import { jobCost, type JobCost } from '../../shared/domain/job-cost.ts';
import { ownPrice, type MachinePrice } from '../../shared/domain/machine-prices.ts';
import { runNeeds } from '../../shared/domain/run-needs.ts';
import type { ApiDeps } from '../http/api-deps.ts';
import { measuredRate } from './measured-rate.ts';
import { resolveRequest, type ResolvedRequest } from './resolve-request.ts';
import { showJob } from './show-job.ts';

type Made = OperationOutput<typeof createJob>;

type JobDeps = Pick<ApiDeps, 'world' | 'withoutAccelerator' | 'priceOf'>;

/** Checks a request whole and starts its job; with `dryRun` only the first. */
export async function makeJob(
  deps: JobDeps,
  caller: Caller,
  asked: JobRequest,
  { dryRun, forkOf }: { readonly dryRun: boolean; readonly forkOf?: string },
): Promise<Made> {
  const { world } = deps;
  const resolved = await resolveRequest(world, caller, asked);
  const { request, inputs, shared, makes, estimate, leaves, warnings } = resolved;
  const { needs, price } = machineFor(deps, resolved);
  const allowance = newAllowance(request.budget ?? {}, price.microDollarsPerHour, estimate.seconds);
  const cost = await costOf(deps, caller, resolved, allowance);
  const answer = { estimate, cost, warnings: warnings as Finding[] };
  if (dryRun) return { job: null, ...answer };
  const fork = forkOf === undefined ? {} : { forkOf };
  const made = {
    kind: request.kind,
    request: recordValue(request),
    inputs,
    shared: [...shared],
    makes,
    needs,
    allowance,
    leaves,
    ...fork,
  };
  const job = await submitJob(world, caller, made);
  return { job: presentJob(job, undefined), ...answer };
}

/** What a repeated call answers: the job as it is now. */
export async function madeJob(deps: JobDeps, caller: Caller, jobId: string, asked: JobRequest): Promise<Made> {
  const { world } = deps;
  const { value } = await getJobRecord(world.table, caller.team, jobId);
  const job = await showJob(world, value);
  const resolved = await resolveRequest(world, caller, asked).catch(() => undefined);
  if (!resolved) return { job, ...unknownNow };
  const { estimate, warnings } = resolved;
  const cost = value.allowance && (await costOf(deps, caller, resolved, value.allowance));
  return { job, estimate, cost, warnings: [...warnings] };
}

function machineFor(
  { withoutAccelerator, priceOf = () => ownPrice(0) }: JobDeps,
  { request, estimate }: ResolvedRequest,
): { readonly needs: RunNeeds; readonly price: MachinePrice } {
  const needs = runNeeds(request.kind, estimate, withoutAccelerator);
  return { needs, price: priceOf(needs) };
}

async function costOf(
  deps: JobDeps,
  { team }: Caller,
  resolved: ResolvedRequest,
  allowance: Allowance,
): Promise<JobCost> {
  const { request, inputs, estimate, baseParameters } = resolved;
  const isLora = request.kind === 'train-tasks' || (request.kind === 'train' && request.method.kind === 'lora');
  return jobCost(estimate, allowance, {
    price: machineFor(deps, resolved).price,
    measured: await measuredRate(deps.world, team, request, inputs),
    hostedParameters: isLora ? baseParameters : undefined,
  });
}

/** What it was made from is not what it was: the job stands, and nothing can be said of what it would take today. */
const unknownNow: Pick<Made, 'estimate' | 'cost' | 'warnings'> = {
  estimate: {
    tokens: null,
    steps: null,
    stepsAreExact: false,
    memoryBytes: 0,
    diskBytes: 0,
    storedBytes: 0,
    seconds: 0,
    basis: 'Its inputs have changed since.',
  },
  cost: null,
  warnings: [],
};
