import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createJob, type Job } from '../../shared/contract/jobs.ts';
import type { OperationOutput } from '../../shared/contract/operation.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import type { CommandIo } from '../command.ts';
import { findingText } from '../error-text.ts';
import { durationText } from '../progress-view.ts';
import { sizeText } from '../transfers/transfer-view.ts';
import { asFindings } from './as-findings.ts';
import { parseJobRequest } from './job-request.ts';
import { withSuggestions, type CallNames } from './suggest.ts';
import { watchJob } from './watch-job.ts';

/** How a job that was asked for is followed. */
export interface StartOptions {
  readonly json: boolean;
  /** Only its estimate. */
  readonly dryRun: boolean;
  /** Do not wait for its end. */
  readonly detach: boolean;
  /** What it may take at most. */
  readonly budget?: Readonly<Record<string, unknown>>;
  /** Names in the request, for errors that tell what was probably meant. */
  readonly names: CallNames;
  /** What is left to do here once it has succeeded; resolves to the folder where the result now is. */
  readonly whenDone?: (job: Job) => Promise<string>;
}

type Created = OperationOutput<typeof createJob>;
type Estimate = Created['estimate'];

/** Starts a job and watches it to its end. Resolves to the exit code. */
export async function startJob(
  api: ApiClient,
  request: Readonly<Record<string, unknown>>,
  { json, dryRun, detach, budget, names, whenDone }: StartOptions,
  io: CommandIo,
): Promise<number> {
  const body = parseJobRequest({ ...request, ...(budget === undefined ? {} : { budget }) });
  const created = await withSuggestions(api, names, () =>
    api.call(createJob, { query: { dryRun: String(dryRun) }, body }),
  );
  const { job, estimate, machine, cost, warnings } = created;
  if (!json) {
    for (const warning of asFindings(warnings)) io.note(`warning: ${findingText(warning)}`);
    io.note(estimateText(estimate));
    for (const line of trainingLines(estimate, machine)) io.note(line);
    if (cost) for (const line of costLines(cost)) io.note(line);
  }
  if (!job) {
    if (json) io.print(JSON.stringify(created));
    return exitCodes.done;
  }
  if (!detach) {
    if (!json) io.note(`Job ${job.id}`);
    return watchJob(api, job.id, json, io, whenDone);
  }
  io.print(json ? JSON.stringify({ job }) : `Job ${job.id} is ${job.state}. Watch it with: lorary watch ${job.id}`);
  return exitCodes.done;
}

function estimateText({
  tokens,
  steps,
  stepsAreExact,
  memoryBytes,
  diskBytes,
  storedBytes,
  seconds,
  basis,
}: Estimate): string {
  const parts = [
    ...(steps === null ? [] : [`${stepsAreExact ? '' : 'about '}${steps.toLocaleString('en')} steps`]),
    ...(tokens === null ? [] : [`about ${tokens.toLocaleString('en')} tokens`]),
    `about ${durationText(seconds)}`,
    `${sizeText(memoryBytes)} of memory`,
    `${sizeText(diskBytes)} of disk`,
    ...(storedBytes === 0 ? [] : [`at most about ${sizeText(storedBytes)} left in the store`]),
  ];
  return `Expected: ${parts.join(', ')} (${basis})`;
}

/** How a training would take its steps, and on what. */
function trainingLines({ training, memoryBytes }: Estimate, machine: Created['machine']): string[] {
  const place = machine ? ` on ${machine.name} with ${sizeText(machine.memoryBytes)}` : '';
  if (!training) return machine?.fits === true ? [`It fits${place}`] : [];
  const { plan, secondsPerStep, memory, trainableParameters } = training;
  return [
    `${trainableParameters.toLocaleString('en')} values are trained, ${secondsPerStep.toPrecision(2)} s a step${place}: ${plan}`,
    `${sizeText(memoryBytes)} of memory are ${sizeText(memory.weights)} of weights, ${sizeText(memory.trained)} of what is trained, ${sizeText(memory.live)} of what a step computes, ${sizeText(memory.process + memory.text)} of process, graph and text`,
  ];
}

/** What it is expected to cost, where machines cost something or somebody else would be cheaper. */
function costLines(cost: NonNullable<Created['cost']>): string[] {
  const { seconds, secondsFrom, measuredBy, dollars, maxDollars, maxSeconds, dollarsPerHour, priceBasis, hosted } =
    cost;
  const from = secondsFrom === 'measured' ? `measured by ${measuredBy ?? 'an earlier job'}` : 'estimated';
  const [cheapest] = hosted.filter(({ cheaper }) => cheaper);
  return [
    ...(dollarsPerHour > 0
      ? [
          `Cost: about $${dollars.toFixed(2)} for ${durationText(seconds)} (${from}), at most $${maxDollars.toFixed(2)} and ${durationText(maxSeconds)}; $${dollarsPerHour} an hour (${priceBasis})`,
        ]
      : secondsFrom === 'measured'
        ? [`${durationText(seconds)} by the rate of ${measuredBy ?? 'an earlier job'}`]
        : []),
    ...(cheapest
      ? [
          `${cheapest.provider} would ask about $${cheapest.dollars.toFixed(2)} ($${cheapest.dollarsPerMillionTokens} a million tokens, as of ${cheapest.asOf}, ${cheapest.source}), if it offers this base`,
        ]
      : []),
  ];
}
