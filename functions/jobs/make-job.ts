import type { JobRequest } from '../../shared/contract/job-requests.ts';
import type { createJob } from '../../shared/contract/jobs.ts';
import type { OperationOutput } from '../../shared/contract/operation.ts';
import { UnavailableError } from '../../shared/errors.ts';
import type { RunNeeds, World } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { newId } from '../../shared/records/commit.ts';
import { getJobRecord, presentJob, wholeAllowance, type JobRecord } from '../../shared/records/jobs.ts';
import { recordValue } from '../../shared/records/stored.ts';
import { submitJob } from '../../shared/records/submit-job.ts';
import { startTrials } from '../../shared/records/trials.ts';
import { newAllowance, type Allowance } from '../../shared/domain/allowance.ts';
import type { Estimate } from '../../shared/domain/estimate.ts';
import { fitFindings, machineFit } from '../../shared/domain/machine-fit.ts';
import { jobCost, type JobCost } from '../../shared/domain/job-cost.ts';
import { ownPrice, type MachinePrice } from '../../shared/domain/machine-prices.ts';
import { runNeeds } from '../../shared/domain/run-needs.ts';
import { sweepAllowances } from '../../shared/domain/sweep-allowances.ts';
import type { ApiDeps } from '../http/api-deps.ts';
import { measuredRate } from './measured-rate.ts';
import { resolveRequest, type ResolvedRequest } from './resolve-request.ts';
import { showJob } from './show-job.ts';

type Made = OperationOutput<typeof createJob>;

type JobDeps = Pick<ApiDeps, 'world' | 'withoutAccelerator' | 'priceOf' | 'machinesFor'>;

/** Checks a request whole and starts its job; with `dryRun` only the first. */
export async function makeJob(
  deps: JobDeps,
  caller: Caller,
  asked: JobRequest,
  { dryRun, forkOf }: { readonly dryRun: boolean; readonly forkOf?: string },
): Promise<Made> {
  const { world } = deps;
  const resolved = await resolveRequest(world, caller, asked);
  const { request, inputs, shared, makes, leaves } = resolved;
  const { machine, ...plan } = planFor(deps, world, resolved);
  const answer = await answerOf(deps, caller, resolved, plan);
  if (dryRun) return { job: null, ...answer };
  const fork = forkOf === undefined ? {} : { forkOf };
  const made = {
    kind: request.kind,
    request: recordValue(request),
    inputs,
    shared: [...shared],
    makes,
    leaves,
    ...machine,
    ...plan,
    ...fork,
  };
  const job = await submitJob(world, caller, made);
  await startTrials(world, job).catch((error: unknown) => {
    // those that are not there yet are made by the next look at the sweep
    if (!(error instanceof UnavailableError)) throw error;
  });
  return { job: presentJob(job, undefined), ...answer };
}

/** What a repeated call answers: the job as it is now. */
export async function madeJob(deps: JobDeps, caller: Caller, jobId: string, asked: JobRequest): Promise<Made> {
  const { world } = deps;
  const { value } = await getJobRecord(world.table, caller.team, jobId);
  const job = await showJob(world, value);
  const resolved = await resolveRequest(world, caller, asked).catch(() => undefined);
  if (!resolved) return { job, ...unknownNow };
  const { allowance, trials } = value;
  return { job, ...(await answerOf(deps, caller, resolved, allowance && { allowance, trials })) };
}

function machineFor(
  deps: JobDeps,
  { request, estimate }: ResolvedRequest,
): { readonly needs: RunNeeds; readonly price: MachinePrice } {
  // the work of a sweep is that of its trials
  const kind = request.kind === 'sweep' ? 'train' : request.kind;
  const needs = runNeeds(kind, estimate, deps.withoutAccelerator);
  return { needs, price: priceOf(deps, needs) };
}

const priceOf = ({ priceOf: known = () => ownPrice(0) }: JobDeps, needs: RunNeeds): MachinePrice => known(needs);

/** What a job may take, and a sweep's trials with it. */
interface JobPlan {
  readonly allowance: Allowance;
  readonly trials: JobRecord['trials'];
}

/** A sweep itself only ranks and publishes, on the smallest machine; its trials are what the estimate is about. */
function planFor(
  deps: JobDeps,
  world: Pick<World, 'randomBytes'>,
  resolved: ResolvedRequest,
): JobPlan & { readonly machine: { readonly needs?: RunNeeds } } {
  const { request, estimate, trials } = resolved;
  const { needs, price } = machineFor(deps, resolved);
  const asked = request.budget ?? {};
  if (!trials) {
    const allowance = newAllowance(asked, price.microDollarsPerHour, estimate.seconds);
    return { allowance, trials: null, machine: { needs } };
  }
  const small = priceOf(deps, { accelerator: false, memoryBytes: 0 });
  const prices = { own: small.microDollarsPerHour, trial: price.microDollarsPerHour };
  const { own, trial } = sweepAllowances(asked, trials.count, prices, trials.seconds);
  const jobs = Array.from({ length: trials.count }, () => ({
    id: newId(world, 'job'),
    versionId: newId(world, 'ver'),
  }));
  return { allowance: own, trials: { jobs, allowance: trial, needs }, machine: {} };
}

/** What the fastest way takes decides on the machine; what that has decides on the way, and on what is told. */
async function answerOf(
  deps: JobDeps,
  caller: Caller,
  resolved: ResolvedRequest,
  plan: JobPlan | null,
): Promise<Omit<Made, 'job'>> {
  const { warnings, leastBytes } = resolved;
  const machines = deps.machinesFor?.(machineFor(deps, resolved).needs);
  const fit = machines ? machineFit(machines, leastBytes) : null;
  const estimate = resolved.estimateOn(machines?.chosen.memoryBytes);
  const cost = plan && (await costOf(deps, caller, resolved, plan, estimate));
  return { estimate, machine: fit, cost, warnings: [...warnings, ...(fit ? fitFindings(fit) : [])] };
}

async function costOf(
  deps: JobDeps,
  { team }: Caller,
  resolved: ResolvedRequest,
  { allowance, trials }: JobPlan,
  estimate: Estimate,
): Promise<JobCost> {
  const { request, inputs, baseParameters } = resolved;
  const isLora = several.has(request.kind) || (request.kind === 'train' && request.method.kind === 'lora');
  const cost = jobCost(estimate, trials?.allowance ?? allowance, {
    price: machineFor(deps, resolved).price,
    measured: await measuredRate(deps.world, team, request, inputs),
    hostedParameters: isLora ? baseParameters : undefined,
  });
  return { ...cost, ...wholeAllowance({ allowance, trials }) };
}

/** Kinds that train several adapters by LoRA, and nothing else. */
const several: ReadonlySet<string> = new Set(['train-tasks', 'sweep']);

/** What it was made from is not what it was: the job stands, and nothing can be said of what it would take today. */
const unknownNow: Omit<Made, 'job'> = {
  estimate: {
    tokens: null,
    steps: null,
    stepsAreExact: false,
    memoryBytes: 0,
    diskBytes: 0,
    storedBytes: 0,
    seconds: 0,
    training: null,
    basis: 'Its inputs have changed since.',
  },
  machine: null,
  cost: null,
  warnings: [],
};
