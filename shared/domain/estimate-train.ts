import type { z } from 'zod';
import type { SingleRequest } from '../contract/job-requests.ts';
import type { estimateSchema } from '../contract/jobs.ts';
import { loraConfigSchema } from '../methods/lora.ts';
import { adaptableModules, type BaseTensor } from './base-modules.ts';
import { isPacked, tokensOf, type EstimateSubject } from './estimate-subject.ts';
import { loraTargets } from './lora-targets.ts';
import { rowsOfEpoch, type MixedPart } from './mixture.ts';
import { isInLayer, modelShape } from './model-shape.ts';
import { batchSizes, plannedStep, planStep, stepPlanText, type PlanSubject } from './plan-step.ts';
import { heldOutLines, stepsOfEpochs } from './run-length.ts';
import { savedTensors } from './saved-tensors.ts';
import { forwardSeconds, startSeconds, stepSeconds, updateSeconds, usualRate, type StepBytes } from './step-cost.ts';
import { stepMemory } from './step-memory.ts';

type TrainRequest = Extract<SingleRequest, { kind: 'train' }>;
type Estimated = Omit<z.output<typeof estimateSchema>, 'diskBytes' | 'storedBytes'>;

/**
 * What a training run is expected to take: by the fastest way to take steps that fits `availableBytes`, or by the most frugal one where none
 * does.
 */
export function estimateTrain(subject: EstimateSubject, request: TrainRequest, availableBytes: number): Estimated {
  const length = lengthOf(subject, request);
  const { tokens, steps, stepsAreExact, stepTokens, measuredTokens } = length;
  const planned = planSubjectOf(subject, request, length);
  const { chosen, least } = choose(planned, request, availableBytes - textBytes);
  const plan = chosen ?? least;
  const [size] = batchSizes(planned, plan.microBatchTokens);
  const atOnce = size.rows * size.length;
  const secondsPerToken = stepSeconds({ ...planned, ...size }, plan.memory, usualRate) / atOnce;
  const update = updateSeconds(planned.trained, Math.max(1, Math.ceil(stepTokens / atOnce)));
  const secondsPerStep = secondsPerToken * (tokens / steps) + update;
  return {
    tokens: Math.round(tokens),
    steps,
    stepsAreExact,
    memoryBytes: Math.round(plan.bytes + textBytes),
    seconds: startSeconds + forwardSeconds(measuredTokens, subject.parameters, usualRate) + steps * secondsPerStep,
    training: {
      trainableParameters: planned.trained,
      secondsPerStep,
      plan: stepPlanText(plan),
      memory: { ...roundedParts(plan.parts), text: textBytes },
    },
    basis,
  };
}

/** Bytes of the most frugal way to train. */
export function leastTrainBytes(subject: EstimateSubject, request: TrainRequest): number {
  const planned = planSubjectOf(subject, request, lengthOf(subject, request));
  return Math.round(choose(planned, request, 0).least.bytes + textBytes);
}

/** Values that a job trains; 0 where nothing is. */
export function trainedValues({ request, tensors, parameters }: EstimateSubject): number {
  if (request.kind !== 'train') return 0;
  return request.method.kind === 'full' ? parameters : loraSize(request.method.config, tensors).values;
}

function choose(
  planned: PlanSubject,
  { memory = 'auto', batch }: TrainRequest,
  availableBytes: number,
): ReturnType<typeof planStep> {
  if (memory === 'auto') return planStep(planned, availableBytes);
  const asked = plannedStep(planned, { memory: stepMemory[memory], microBatchTokens: batch.microBatchTokens });
  return { chosen: asked, least: asked };
}

interface RunLength {
  readonly tokens: number;
  readonly steps: number;
  readonly stepsAreExact: boolean;
  readonly stepTokens: number;
  /** Of a row, on average: the longest one is not known. */
  readonly rowTokens: number;
  /** That go through the model to measure, all times together. */
  readonly measuredTokens: number;
}

function lengthOf(subject: EstimateSubject, request: TrainRequest): RunLength {
  const { contextTokens, datasets } = subject;
  const [train, evaluation] = datasets;
  const trainedShare = 1 - (request.evalFraction ?? 0);
  const mixed = mixedWith(subject, request);
  // rows of a pass over the first, and what is mixed into them
  const parts = mixed.map(({ data, weight }) => ({ rows: weight * (train?.rows ?? 0) * trainedShare, data }));
  const rowMax = request.contextTokens ?? contextTokens ?? Infinity;
  const passTokens = sum(
    parts.map(({ rows, data }) => rows * Math.min(tokensOf(data) / Math.max(1, data?.rows ?? 0), rowMax)),
  );
  const rowTokens = passTokens / Math.max(1, sum(parts.map(({ rows }) => rows)));
  const { batch } = request;
  const stepTokens = Math.max(1, batch.tokens ?? (batch.rows ?? 16) * rowTokens);
  const tokens =
    request.tokens ?? (request.steps === undefined ? (request.epochs ?? 3) * passTokens : request.steps * stepTokens);
  const known = request.steps ?? knownSteps(request, mixed);
  const steps = known ?? Math.max(1, Math.ceil(tokens / stepTokens));

  const heldOutTokens =
    tokensOf(evaluation) + sum(mixed.map(({ data }) => tokensOf(data))) * (request.evalFraction ?? 0);
  const evaluations =
    heldOutTokens === 0 ? 0 : 2 + Math.ceil(steps / (request.evaluation.everySteps ?? Math.ceil(steps / 10)));
  const measuredTokens = evaluations * heldOutTokens;
  return { tokens, steps, stepsAreExact: known !== undefined, stepTokens, rowTokens, measuredTokens };
}

function planSubjectOf(
  subject: EstimateSubject,
  { method, batch, samples }: TrainRequest,
  { rowTokens, measuredTokens }: RunLength,
): PlanSubject {
  const { tensors, parameters, baseBytes } = subject;
  const shape = modelShape(tensors);
  const lora = method.kind === 'full' ? undefined : loraSize(method.config, tensors);
  return {
    shape,
    parameters,
    weightBytes: baseBytes,
    elementBytes: baseBytes / Math.max(1, parameters),
    packed: isPacked(subject),
    trained: lora?.values ?? parameters,
    layerRank: lora && lora.ranks / Math.max(1, shape.layers),
    dropout: method.kind === 'lora' && method.config.lora_dropout > 0,
    sessions: 1 + Number(measuredTokens > 0) + Number(samples.prompts.length > 0),
    longest: Math.ceil(rowTokens),
    packTokens: batch.packing ? batch.packTokens : 1,
    microBatchTokens: batch.microBatchTokens,
  };
}

/** Values that a LoRA config trains on a base, and the sum of the ranks inside layers. */
function loraSize(config: object, tensors: readonly BaseTensor[]): { values: number; ranks: number } {
  const sizes = adaptableModules(tensors);
  const linears = new Map(sizes.map((size) => [size.module, size]));
  const parsed = loraConfigSchema.parse(config);
  const { targets } = loraTargets(parsed, sizes);
  const copies = sum(
    savedTensors(parsed.modules_to_save, tensors).map(({ shape }) => shape.reduce((product, dim) => product * dim, 1)),
  );
  const factors = sum(
    targets.map(({ module, r }) => {
      const size = linears.get(module);
      return size ? r * (size.inFeatures + size.outFeatures) + (parsed.use_dora ? size.outFeatures : 0) : 0;
    }),
  );
  const ranks = sum(targets.map(({ module, r }) => (isInLayer(module) ? r : 0)));
  return { values: factors + copies, ranks };
}

/** Steps of a run that counts rows, where every line is one row; undefined where only the tokens could tell. */
function knownSteps(
  { epochs, tokens, batch, evalFraction, longRows }: TrainRequest,
  mixed: ReturnType<typeof mixedWith>,
): number | undefined {
  if (tokens !== undefined || batch.tokens !== undefined || longRows === 'split') return undefined;
  const parts: MixedPart[] = [];
  for (const { data, weight } of mixed) {
    if (!data || data.format === 'messages') return undefined;
    parts.push({ rows: data.rows - heldOutLines(data.rows, evalFraction ?? 0), weight });
  }
  const stepsBefore = (epoch: number): number => {
    let steps = 0;
    for (let i = 0; i < epoch; i++) steps += Math.ceil(rowsOfEpoch(parts, i) / (batch.rows ?? 16));
    return steps;
  };
  return Math.max(1, stepsOfEpochs(epochs ?? 3, stepsBefore));
}

/** The dataset of a run and those that are mixed into it, as far as they are known. */
function mixedWith(
  { datasets, mix = [] }: EstimateSubject,
  request: TrainRequest,
): { readonly data: EstimateSubject['datasets'][number] | undefined; readonly weight: number }[] {
  return [{ data: datasets[0], weight: 1 }, ...(request.mix ?? []).map(({ weight }, i) => ({ data: mix[i], weight }))];
}

const roundedParts = ({ process, weights, trained, live }: StepBytes): StepBytes => ({
  process: Math.round(process),
  weights: Math.round(weights),
  trained: Math.round(trained),
  live: Math.round(live),
});

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Tokenizer, rows, and what else a job holds beside its steps. */
const textBytes = 100e6;

const basis = `Counts of the base and the dataset, four bytes a token, float32, and two CPU cores at ${usualRate.flopsPerSecond / 1e9} GFLOP/s: time may be off by a factor of three, more on another machine.`;
