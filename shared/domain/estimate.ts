import type { z } from 'zod';
import type { Dataset } from '../contract/datasets.ts';
import type { SingleRequest } from '../contract/job-requests.ts';
import type { estimateSchema } from '../contract/jobs.ts';
import { loraConfigSchema } from '../methods/lora.ts';
import { adaptableModules, type BaseTensor } from './base-modules.ts';
import { loraTargets } from './lora-targets.ts';
import { savedTensors } from './saved-tensors.ts';
import { jobDiskBytes } from './disk-bytes.ts';
import { bytesLeft, leftBytes, type LeftBytes } from './left-bytes.ts';
import { rowsOfEpoch, type MixedPart } from './mixture.ts';
import { heldOutLines, stepsOfEpochs } from './run-length.ts';
import { modelShape, type ModelShape } from './model-shape.ts';
import { batchSizes, plannedBytes, planStep, type PlanSubject } from './plan-step.ts';
import { stepSeconds, usualRate } from './step-cost.ts';
import { stepMemory } from './step-memory.ts';

export type Estimate = z.output<typeof estimateSchema>;

/** What is known of a job before it runs. */
export interface EstimateSubject {
  readonly request: SingleRequest;
  readonly baseBytes: number;
  readonly parameters: number;
  readonly contextTokens: number | null;
  readonly tensors: readonly BaseTensor[];
  /** Of the rows that are trained on or measured, then of the held-out ones. */
  readonly datasets: readonly {
    readonly rows: number;
    readonly sizeBytes: number;
    /** Of a conversation, a template may make several rows. */
    readonly format: NonNullable<Dataset['format']>;
  }[];
  /** Those that are mixed into the first, in the order of the request; absent: none. */
  readonly mix?: EstimateSubject['datasets'];
  /** Values of the adapters that go in. */
  readonly adapterParameters: readonly number[];
}

/**
 * What a job is expected to take, from counts alone: no row has been read as tokens. Time is right within a factor of about three where the
 * machine is the one that `basis` names; memory is meant to be above what is used.
 */
export function estimateJob(subject: EstimateSubject): Estimate {
  const diskBytes = Math.round(jobDiskBytes({ ...subject, trained: trainedValues(subject) }));
  return { ...estimateWork(subject), diskBytes, storedBytes: bytesLeft(estimateLeft([subject])) };
}

/** What a job may leave in the store; `subjects`: each of several tasks as the training that it would be by itself. */
export function estimateLeft(subjects: readonly EstimateSubject[]): LeftBytes {
  const each = subjects.map((subject) => leftBytes({ ...subject, trained: trainedValues(subject) }));
  return {
    outputBytes: each.flatMap(({ outputBytes }) => outputBytes),
    traceBytes: sum(each.map((one) => one.traceBytes)),
  };
}

/** Values that a job trains; 0 where nothing is. */
export function trainedValues({ request, tensors, parameters }: EstimateSubject): number {
  if (request.kind !== 'train') return 0;
  return request.method.kind === 'lora' ? loraSize(request.method.config, tensors).values : parameters;
}

/** All but the disk and the store. */
type Work = Omit<Estimate, 'diskBytes' | 'storedBytes'>;

function estimateWork(subject: EstimateSubject): Work {
  switch (subject.request.kind) {
    case 'train':
      return estimateTrain(subject, subject.request);
    case 'evaluate':
      return estimateEvaluate(subject, subject.request.rowsMax);
    case 'generate':
      return estimateGenerate(subject, subject.request);
    case 'compose':
      return passing(sum(subject.adapterParameters) * 4 * 2, sum(subject.adapterParameters) * 4);
    case 'merge':
      // read, written, and read again for the check
      return passing(subject.baseBytes * 3, mergeMemoryBytes);
    case 'export':
      return passing(subject.baseBytes * 2 + sum(subject.adapterParameters) * 8, mergeMemoryBytes);
  }
}

function estimateTrain(subject: EstimateSubject, request: Extract<SingleRequest, { kind: 'train' }>): Work {
  const { tensors, parameters, contextTokens, datasets } = subject;
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
  const shape = modelShape(tensors);
  const adapters = request.method.kind === 'full' ? undefined : loraSize(request.method.config, tensors);
  const planSubject: PlanSubject = {
    shape,
    parameters,
    weightBytes: subject.baseBytes,
    elementBytes: subject.baseBytes / Math.max(1, parameters),
    packed: isPacked(subject),
    trained: adapters?.values ?? parameters,
    layerRank: adapters && adapters.ranks / Math.max(1, shape.layers),
    dropout: request.method.kind === 'lora' && request.method.config.lora_dropout > 0,
    sessions: 1 + Number(evaluations > 0) + Number(request.samples.prompts.length > 0),
    // the longest row is not known, only the average one
    longest: Math.ceil(rowTokens),
    packTokens: batch.packing ? batch.packTokens : 1,
    microBatchTokens: batch.microBatchTokens,
  };
  const { memory = 'auto' } = request;
  // where it will run is not known: what the fastest way takes decides on which machine
  const plan = memory === 'auto' ? planStep(planSubject, Infinity).chosen : undefined;
  const stepPlan = plan ?? {
    memory: stepMemory[memory === 'lean' ? 'lean' : 'fast'],
    microBatchTokens: batch.microBatchTokens,
  };
  const [size] = batchSizes(planSubject, batch.microBatchTokens);
  const seconds = stepSeconds({ ...planSubject, ...size }, stepPlan.memory, usualRate) / (size.rows * size.length);
  return {
    tokens: Math.round(tokens),
    steps,
    stepsAreExact: known !== undefined,
    memoryBytes: Math.round(plannedBytes(planSubject, stepPlan) + textBytes),
    seconds: time(evaluations * heldOutTokens * 2 * parameters) + tokens * seconds,
    basis,
  };
}

/** Steps of a run that counts rows, where every line is one row; undefined where only the tokens could tell. */
function knownSteps(
  { epochs, tokens, batch, evalFraction, longRows }: Extract<SingleRequest, { kind: 'train' }>,
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
  request: Extract<SingleRequest, { kind: 'train' }>,
): { readonly data: EstimateSubject['datasets'][number] | undefined; readonly weight: number }[] {
  return [{ data: datasets[0], weight: 1 }, ...(request.mix ?? []).map(({ weight }, i) => ({ data: mix[i], weight }))];
}

function estimateEvaluate(subject: EstimateSubject, rowsMax = Infinity): Work {
  const { parameters, datasets } = subject;
  const [data] = datasets;
  const share = Math.min(1, rowsMax / Math.max(1, data?.rows ?? 0));
  const tokens = Math.round(tokensOf(data) * share);
  const memoryBytes = forwardMemory(subject, { tokens: evaluateTokens, length: evaluatePackTokens });
  return { tokens, steps: null, stepsAreExact: false, memoryBytes, seconds: time(tokens * 2 * parameters), basis };
}

function estimateGenerate(
  subject: EstimateSubject,
  { prompts, maxNewTokens }: Extract<SingleRequest, { kind: 'generate' }>,
): Work {
  const { parameters } = subject;
  const lengths = prompts.map((prompt) => tokensOf({ sizeBytes: JSON.stringify(prompt).length }));
  const longest = Math.ceil(Math.max(...lengths)) + maxNewTokens;
  const written = prompts.length * maxNewTokens;
  const tokens = Math.round(sum(lengths)) + written;
  const memoryBytes = forwardMemory(subject, { tokens: longest, length: longest });
  // a token that is written alone waits for every weight to come from memory
  const seconds = time(sum(lengths) * 2 * parameters) + (written * parameters * 4) / memoryBytesPerSecond;
  return { tokens, steps: null, stepsAreExact: false, memoryBytes, seconds, basis };
}

/** Nothing is kept for a backward pass: one layer at a time, and the scores of the vocabulary. */
function forwardMemory(subject: EstimateSubject, batch: BatchShape): number {
  const activations = activationBytes({ ...modelShape(subject.tensors), layers: 1 }, batch);
  return memory({ weights: weightsInUse(subject), state: 0, activations });
}

/** Frozen weights that only go forward: as they are stored where some are packed, and unpacked one at a time; else a float32 copy and another. */
const weightsInUse = (subject: EstimateSubject): number =>
  isPacked(subject) ? subject.baseBytes : subject.parameters * weightBytes;

const isPacked = ({ tensors }: EstimateSubject): boolean =>
  tensors.some(({ dtype, shape }) => shape.length === 2 && (dtype === 'U8' || dtype === 'I8'));

/** A job that passes over files and computes little. */
function passing(bytes: number, heldBytes: number): Work {
  const memoryBytes = memory({ weights: 0, state: 0, activations: heldBytes });
  return {
    tokens: null,
    steps: null,
    stepsAreExact: false,
    memoryBytes,
    seconds: startSeconds + bytes / diskBytesPerSecond,
    basis: passingBasis,
  };
}

/** Values that a LoRA config trains on a base, and the sum of its ranks. */
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
  return { values: factors + copies, ranks: sum(targets.map(({ r }) => r)) };
}

/** Tokens that go through the model at once, in sequences of this length. */
interface BatchShape {
  readonly tokens: number;
  readonly length: number;
}

/** What a backward pass needs of the forward pass, as float32, and the scores of the vocabulary with their gradient. */
function activationBytes(shape: ModelShape, batch: BatchShape): number {
  return (
    shape.layers * (stateBytes(shape, batch) + scoreBytes(shape, batch)) +
    3 * scoreBytes(shape, batch) +
    12 * batch.tokens * shape.vocabulary
  );
}

/** States that one layer keeps. */
function stateBytes({ hidden, keyValue, intermediate }: ModelShape, { tokens }: BatchShape): number {
  return 4 * tokens * (6 * hidden + 2 * keyValue + 4 * intermediate);
}

/** Scores of one layer's attention, a quarter of which is never computed. */
function scoreBytes({ hidden, headSize }: ModelShape, { tokens, length }: BatchShape): number {
  return 0.75 * 4 * tokens * length * (hidden / headSize);
}

function memory({ weights, state, activations }: { weights: number; state: number; activations: number }): number {
  return Math.round((weights + state) * allocatorFactor + activations * activationFactor + processBytes);
}

const time = (operations: number): number => startSeconds + operations / operationsPerSecond;

/** Text in English has about four bytes a token; markup, code and other scripts have fewer. */
const tokensOf = (data: { readonly sizeBytes: number } | undefined): number => (data?.sizeBytes ?? 0) / 4;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Two cores of a laptop multiply matrices at 250 GFLOP/s and train at somewhat more than half of it. */
const operationsPerSecond = 150e9;
/** What two cores of a laptop read from memory. */
const memoryBytesPerSecond = 10e9;
const diskBytesPerSecond = 200e6;
/** Process, modules, tokenizer and graph. */
const startSeconds = 5;
const processBytes = 400e6;
/** What is allocated beyond what is in use. */
const allocatorFactor = 1.1;
/** What the runtime's arena holds beyond the largest sum of activations, as measured. */
const activationFactor = 1.5;
/** A float32 weight, and its copy in the order in which the runtime multiplies. */
const weightBytes = 8;
const mergeMemoryBytes = 500e6;
/** Tokenizer, rows, and what else a job holds beside its steps. */
const textBytes = 100e6;
/** Length up to which an evaluation packs rows. */
const evaluatePackTokens = 256;
/** Tokens of an evaluation that go through the model at once. */
const evaluateTokens = 2048;

const basis =
  'Counts of the base and the dataset, four bytes a token, float32, and two CPU cores at 150 GFLOP/s: time may be off by a factor of three, more on another machine.';
const passingBasis = 'Bytes that are read and written, at 200 MB/s.';
