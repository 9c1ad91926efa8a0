import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import type { Compute } from '../../shared/methods/compute.ts';
import { modelShape } from '../../shared/domain/model-shape.ts';
import {
  plannedStep,
  planStep,
  stepPlanText,
  type CountLive,
  type PlanSubject,
  type StepPlan,
} from '../../shared/domain/plan-step.ts';
import { stepMemory } from '../../shared/domain/step-memory.ts';
import { DomainError } from '../../shared/errors.ts';
import { shapeSize } from '../../shared/formats/dtype.ts';
import { isPacked } from '../methods/packed-product.ts';
import { peakLiveBytes } from '../graph/live-bytes.ts';
import { availableOn, type AvailableMemory } from '../runtime/available-memory.ts';
import { chooseCompute } from '../runtime/choose-compute.ts';
import { deviceOf } from '../runtime/device.ts';
import { readCheckpointState } from '../training/checkpoint.ts';
import { trainGraph } from '../training/step-graph.ts';
import type { TokenRows } from '../training/token-rows.ts';
import type { PreparedTraining } from './prepare-training.ts';

export interface ChosenPlan extends StepPlan {
  /** Bytes at the peak of a step, as counted from its graph; undefined where the plan is an older one. */
  readonly bytes?: number;
  /** Why it is this one. */
  readonly reason: string;
}

/**
 * How a run takes its steps: as it did before, where it goes on; as the spec says; or the fastest way that fits the memory there is. Throws
 * `DomainError('memory')` where none does.
 */
export async function chooseStepPlan(spec: TrainSpec, run: PreparedTraining): Promise<ChosenPlan> {
  const plan = await chooseMemory(spec, run);
  return { ...plan, compute: await computeOf(spec, plan) };
}

/** The plan of steps whose loss is not scaled: float16 is for runs by themselves. */
export function unscaledPlan(plan: ChosenPlan): ChosenPlan {
  return plan.compute === 'float16' ? { ...plan, compute: 'float32' } : plan;
}

/** The type that a run began with, or what suits the device. */
async function computeOf(
  { compute = 'auto', device }: TrainSpec,
  { reason, compute: before }: ChosenPlan,
): Promise<Compute> {
  const asked = reason === asItBegan ? (before ?? 'float32') : compute;
  return chooseCompute(asked, deviceOf(device));
}

async function chooseMemory(spec: TrainSpec, run: PreparedTraining): Promise<ChosenPlan> {
  const begun = (await readCheckpointState(run.folders.checkpoints))?.state;
  const asked = spec.memory ?? 'auto';
  const { microBatchTokens } = spec.batch;
  if (begun) {
    const plan = begun.plan ?? { memory: stepMemory[asked === 'auto' ? 'fast' : asked], microBatchTokens };
    return { ...plan, reason: asItBegan };
  }
  const subject = planSubject(spec, run);
  const countLive = liveCounter(run);
  if (asked !== 'auto') {
    const plan = { memory: stepMemory[asked], microBatchTokens };
    return { ...plan, bytes: plannedStep(subject, plan, countLive).bytes, reason: `"${asked}" was asked for` };
  }
  const available =
    spec.memoryMaxBytes === undefined
      ? await availableOn(deviceOf(spec.device))
      : { bytes: spec.memoryMaxBytes, what: 'memoryMaxBytes' };
  const { chosen, least } = planStep(subject, available.bytes, countLive);
  if (!chosen) throw nothingFits(subject, least.bytes, available);
  const { parts: _, ...plan } = chosen;
  return { ...plan, reason: reasonOf(available) };
}

const asItBegan = 'as the run began';

/** Why the fastest that fits was taken. */
export const reasonOf = ({ bytes, what }: AvailableMemory): string =>
  `the fastest that fits ${gigabytes(bytes)} (${what})`;

/** Counts what a step holds from its graph. */
export function liveCounter({ model }: Pick<PreparedTraining, 'model'>): CountLive {
  return (memory, { rows, length }) =>
    peakLiveBytes(
      trainGraph(model, memory),
      // every other symbol is of a table that is fed
      { B: rows, H: length / Math.max(2, memory.lossChunks) },
      { folds: memory.prepack && !isPacked(model.base) },
    ).bytes;
}

/** What is known of a run before it is planned. */
export type PlannedRun = Pick<
  PreparedTraining,
  'model' | 'config' | 'rows' | 'evalRows' | 'prompts' | 'parameters' | 'targets' | 'batchShape'
>;

/** What steps of a run are planned for. */
export function planSubject(spec: Pick<TrainSpec, 'batch' | 'workers' | 'device'>, run: PlannedRun): PlanSubject {
  const { model, config, rows, evalRows, prompts, parameters, targets, batchShape } = run;
  const shape = modelShape(model.tensors);
  const count = model.tensors.reduce((sum, tensor) => sum + shapeSize(tensor.shape), 0);
  const weightBytes = [...model.base.tensors.values()].reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  const { input, output } = model.embeddings;
  const inLayers = targets.filter(({ module }) => module !== input.module && module !== output.module);
  const ranks = inLayers.reduce((sum, { r }) => sum + r, 0);
  return {
    shape,
    parameters: count,
    weightBytes,
    elementBytes: weightBytes / count,
    packed: isPacked(model.base),
    trained: parameters.reduce((sum, { shape: sizes }) => sum + shapeSize(sizes), 0),
    layerRank: config ? ranks / Math.max(1, shape.layers) : undefined,
    dropout: (config?.lora_dropout ?? 0) > 0,
    // each has the memory of a GPU of its own
    workers: deviceOf(spec.device) === 'cpu' ? (spec.workers ?? 1) : 1,
    sessions: 1 + Number(evalRows.length > 0) + Number(prompts.length > 0),
    longest: Math.max(longestOf(rows), longestOf(evalRows)),
    packTokens: spec.batch.packing ? Math.min(batchShape.packTokens, batchShape.lengthMax) : 1,
    microBatchTokens: spec.batch.microBatchTokens,
  };
}

const longestOf = ({ inputLengths }: TokenRows): number =>
  inputLengths.reduce((longest, length) => Math.max(longest, length), 1);

function nothingFits(subject: PlanSubject, leastBytes: number, available: AvailableMemory): DomainError {
  const message = nothingFitsText(subject, leastBytes, available);
  const finding = { severity: 'error', code: 'memory', where: 'memory', message } as const;
  return new DomainError('memory', message, { findings: [finding] });
}

/** What a run needs that fits nowhere, and what can be done. */
export function nothingFitsText({ longest }: PlanSubject, leastBytes: number, available: AvailableMemory): string {
  return `A step takes ${gigabytes(leastBytes)} at least, and there are ${gigabytes(available.bytes)} (${available.what}). The longest row has ${longest} tokens: shorten it (data.contextTokens with data.longRows), lower method.config.r, take a base in a shorter type or a smaller one, or give the run more memory.`;
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 10e9 ? 2 : 0)} GB`;

/** A plan in a sentence, for the log of a job. */
export function planText({ bytes, reason, ...plan }: ChosenPlan, workers = 1): string {
  const size = bytes === undefined ? '' : `, about ${gigabytes(bytes)}`;
  return `${stepPlanText(plan, workers)}${size}: ${reason}`;
}
