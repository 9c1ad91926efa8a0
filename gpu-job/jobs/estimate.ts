import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EstimatedPlan, EstimateReport } from '../../shared/contract/reports.ts';
import { trainingOf, type EstimateSpec } from '../../shared/contract/specs/estimate.ts';
import { costMicroDollars } from '../../shared/domain/allowance.ts';
import { runBytes, storeBytes } from '../../shared/domain/disk-bytes.ts';
import { machineClasses } from '../../shared/domain/machine-classes.ts';
import type { MachinePrice } from '../../shared/domain/machine-prices.ts';
import {
  fitsInto,
  plannedStep,
  plannedSteps,
  stepPlanText,
  type PlanSubject,
  type StepPlan,
} from '../../shared/domain/plan-step.ts';
import {
  forwardSeconds,
  startSeconds,
  stepSeconds,
  updateSeconds,
  writtenSeconds,
  type MachineRate,
} from '../../shared/domain/step-cost.ts';
import { stepMemory } from '../../shared/domain/step-memory.ts';
import { adapterScales } from '../forgetting/measure-forgetting.ts';
import { baseOfShape } from '../methods/base-of-shape.ts';
import { requireMethod } from '../methods/tuned-model.ts';
import { availableMemory, type AvailableMemory } from '../runtime/available-memory.ts';
import { measureMachineRate } from '../runtime/machine-rate.ts';
import { sizesOfBatches, type BatchShape } from '../training/batches.ts';
import type { TokenRows } from '../training/token-rows.ts';
import { checkTraining, type CheckedTraining } from './check-training.ts';
import { liveCounter, nothingFitsText, planSubject, reasonOf, type PlannedRun } from './choose-step-plan.ts';
import type { JobContext } from './job-context.ts';
import { plannedModel } from './planned-model.ts';

/**
 * What a training run would take, without a step of it: everything that a run checks is checked, its graphs are counted, and the machine is
 * measured unless another one is asked about. Throws as `checkTraining` does. Leaves nothing.
 */
export async function runEstimate(spec: EstimateSpec, context: JobContext): Promise<EstimateReport> {
  const tokens = await mkdtemp(join(tmpdir(), 'lorary-estimate-'));
  try {
    const checked = await checkTraining(trainingOf(spec), { tokens }, context);
    try {
      return await estimateOf(spec, checked);
    } finally {
      await checked.close();
    }
  } finally {
    await rm(tokens, { recursive: true, force: true });
  }
}

async function estimateOf(spec: EstimateSpec, checked: CheckedTraining): Promise<EstimateReport> {
  const { data, plan: run, warnings } = checked;
  const asked = spec.memory ?? 'auto';
  const planned = plannedRun(checked);
  const subject = planSubject(checked.spec, planned);
  const { memory, rate, rateFrom, price } = await machineOf(spec);
  const lengths = sampledLengths(checked);
  const countLive = liveCounter(planned);
  const plans = [
    ...(asked === 'auto'
      ? plannedSteps(subject, countLive)
      : [plannedStep(subject, { memory: stepMemory[asked], microBatchTokens: subject.microBatchTokens }, countLive)]),
  ].map((one): EstimatedPlan => ({
    memory: one.memory,
    microBatchTokens: one.microBatchTokens,
    text: stepPlanText(one, spec.workers),
    bytes: Math.round(one.bytes),
    parts: one.parts,
    fits: fitsInto(one.bytes, memory.bytes),
    secondsPerStep: secondsPerStep(one, subject, planned.batchShape, lengths, rate),
  }));
  const plan = asked === 'auto' ? plans.find(({ fits }) => fits) : plans[0];
  const least = Math.min(...plans.map(({ bytes }) => bytes));
  const seconds = plan && startSeconds + run.steps * plan.secondsPerStep + lookSeconds(checked, subject, rate);
  return {
    kind: 'estimate',
    method: checked.spec.method.kind,
    trainableParameters: subject.trained,
    steps: run.steps,
    rows: data.train.rows.length,
    evalRows: data.held.rows.length,
    tokens: Math.round((run.steps * sum(lengths.flat())) / lengths.length),
    longestRow: subject.longest,
    machine: { name: spec.machine ?? 'here', memoryBytes: memory.bytes, memoryFrom: memory.what, ...rate, rateFrom },
    plan: plan ?? null,
    reason: plan
      ? asked === 'auto'
        ? reasonOf(memory)
        : `"${asked}" was asked for`
      : nothingFitsText(subject, least, memory),
    plans,
    smallestMachine: machineClasses.find(({ memoryBytes }) => fitsInto(least, memoryBytes))?.name ?? null,
    seconds: seconds ?? null,
    diskBytes: Math.round(diskBytes(checked, subject.trained)),
    dollars: price && seconds !== undefined ? costMicroDollars(seconds * 1000, price.microDollarsPerHour) / 1e6 : null,
    priceBasis: price?.basis ?? null,
    warnings,
  };
}

/** The run as it would be prepared; weights that are still to be made have a shape and no file. */
function plannedRun({ spec, described, lora, data, prompts, lengthMax }: CheckedTraining): PlannedRun {
  const base = described.base ?? baseOfShape(described.config);
  const model = plannedModel(base, lora && { config: lora.config, targets: lora.targets, saved: lora.saved });
  return {
    model,
    config: lora?.config,
    targets: lora?.targets ?? [],
    parameters: requireMethod(model).parameters,
    rows: data.train.rows,
    evalRows: data.held.rows,
    prompts,
    batchShape: { ...spec.batch, lengthMax },
  };
}

interface AskedMachine {
  readonly memory: AvailableMemory;
  readonly rate: MachineRate;
  readonly rateFrom: string;
  readonly price: MachinePrice | undefined;
}

async function machineOf({ machine, memoryMaxBytes, threads }: EstimateSpec): Promise<AskedMachine> {
  const asked = memoryMaxBytes === undefined ? undefined : { bytes: memoryMaxBytes, what: 'memoryMaxBytes' };
  const found = machineClasses.find(({ name }) => name === machine);
  if (found) {
    const { name, memoryBytes, rate, rateBasis, price } = found;
    return { memory: asked ?? { bytes: memoryBytes, what: name }, rate, rateFrom: rateBasis, price };
  }
  const rate = await measureMachineRate(threads);
  return { memory: asked ?? availableMemory(), rate, rateFrom: 'measured here', price: undefined };
}

/** Tokens of the rows of some steps, spread over the run. */
function sampledLengths({ plan, data }: CheckedTraining): readonly (readonly number[])[] {
  const count = Math.min(plan.steps, sampledStepsMax);
  return Array.from({ length: count }, (_, i) => {
    const { rows } = plan.stepAt(Math.floor((i * plan.steps) / count));
    return Array.from(rows, (row) => data.train.rows.inputLengths[row] as number); // a plan is of rows there are
  });
}

const sampledStepsMax = 200;

function secondsPerStep(
  { memory, microBatchTokens }: StepPlan,
  subject: PlanSubject,
  batchShape: BatchShape,
  lengths: readonly (readonly number[])[],
  rate: MachineRate,
): number {
  const seconds = lengths.map((rows) => {
    const sizes = sizesOfBatches(rows, { ...batchShape, microBatchTokens });
    const passes = sizes.map((size) => stepSeconds({ ...subject, ...size }, memory, rate));
    return sum(passes) + updateSeconds(subject.trained, sizes.length);
  });
  return sum(seconds) / seconds.length;
}

/** Of everything that looks at the model in training: measurements of held-out rows and samples. */
function lookSeconds(
  { spec, data, general, prompts, plan: { steps } }: CheckedTraining,
  { parameters }: PlanSubject,
  rate: MachineRate,
): number {
  const { everySteps = Math.max(1, Math.ceil(steps / 10)) } = spec.evaluation;
  const looks = (every: number): number => 1 + Math.ceil(steps / every);
  const held = data.held.rows;
  const scored = held.length > 0 ? looks(everySteps) * tokensOf(held) : 0;
  const scaled = general.length > 0 ? adapterScales.length * (tokensOf(held) + tokensOf(general)) : 0;
  const written = prompts.length * spec.samples.maxNewTokens * looks(spec.samples.everySteps ?? everySteps);
  return forwardSeconds(scored + scaled, parameters, rate) + writtenSeconds(written, parameters, rate);
}

/** What the run keeps and makes; base and rows are where they are. */
const diskBytes = ({ spec, data }: CheckedTraining, trained: number): number =>
  sum([data.train.rows, data.held.rows].map((rows) => storeBytes(rows.length, tokensOf(rows)))) +
  runBytes(spec, trained);

const tokensOf = ({ inputLengths }: TokenRows): number => sum(inputLengths);

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
