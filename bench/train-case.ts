/** What `train` and its like run: the shape of a real model with random weights, some rows of tokens, LoRA r=16 on all linear layers. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openBaseModel } from '../gpu-job/folders/base-model.ts';
import { loraMethod } from '../gpu-job/methods/lora.ts';
import { quantizeFolder } from '../gpu-job/quantize/quantize-folder.ts';
import { requireMethod, tunedModel, type TunedModel } from '../gpu-job/methods/tuned-model.ts';
import { makeBatches, type TokenRow } from '../gpu-job/training/batches.ts';
import { clipScale, createAdamW, globalNorm } from '../gpu-job/training/optimizers.ts';
import { createTrainStep, type StepOptions, type TrainStep } from '../gpu-job/training/step-graph.ts';
import { shapeSize } from '../shared/formats/dtype.ts';
import { smolLm135Config, uniform } from '../test/support/random-base.ts';
import { benchBase, benchShapes, type BenchDtype, type BenchShape } from './bench-base.ts';

/** The usual case. */
export const caseShape = {
  shape: 'smollm2-135m',
  rows: 1,
  length: 512,
  rank: 16,
  scaling: 2,
  vocabulary: smolLm135Config.vocab_size,
} as const;

/** A model's shape and what goes through it at once. */
export interface CaseSize {
  readonly shape: BenchShape;
  readonly rows: number;
  readonly length: number;
}

export const caseText = caseTextOf(caseShape);

export function caseTextOf({ shape, rows, length }: CaseSize): string {
  return `${shape}, ${rows} x ${length} tokens, LoRA r=${caseShape.rank} on all linear layers, float32`;
}

export interface TrainCase {
  readonly model: TunedModel;
  /** Of the base, as they lie in their file. */
  readonly weightBytes: number;
  /** Of the adapter; a step changes them. */
  readonly values: ReadonlyMap<string, Float32Array>;
  /** One token more than go through the model in each: the last is only a label. */
  readonly rows: readonly TokenRow[];
  /** A whole step: batch, forward, backward, clipping, AdamW. */
  readonly takeStep: (step: TrainStep) => Promise<{
    /** Mean over labels. */
    readonly loss: number;
    readonly seconds: number;
    /** The part inside the runtime, with the values going in and the gradients coming out. */
    readonly runSeconds: number;
    /** The part that makes the batch. */
    readonly batchSeconds: number;
  }>;
}

/** How the weights of the case lie in their file; packed ones are made of those in bfloat16, whose embeddings they share. */
export type TrainCaseWeights = BenchDtype | 'nf4' | 'u4';

export async function prepareTrainCase(
  weights: TrainCaseWeights = 'F32',
  size: CaseSize = caseShape,
): Promise<TrainCase> {
  const { rows: count, length } = size;
  const { rank, scaling } = caseShape;
  const base = await openBaseModel(await caseFolder(weights, size.shape));
  const model = tunedModel(base, (tunable) =>
    loraMethod(
      tunable,
      tunable.linears.map(({ module }) => ({ module, r: rank, scaling })),
    ),
  );
  const random = uniform(1);
  const { parameters } = requireMethod(model);
  const values = new Map(
    parameters.map(({ name, shape: dims }) => [
      name,
      Float32Array.from({ length: shapeSize(dims) }, () => 0.02 * (random() - 0.5)),
    ]),
  );
  const { vocab_size: vocabulary } = benchShapes[size.shape];
  const rows = Array.from({ length: count }, () => ({
    tokens: Int32Array.from({ length: length + 1 }, () => Math.floor(random() * vocabulary)),
    trained: new Uint8Array(length + 1).fill(1),
  }));
  const optimizer = createAdamW(parameters, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 });
  const batchShape = { microBatchTokens: count * length, packing: true, packTokens: length, lengthMax: length };
  return {
    model,
    weightBytes: [...base.tensors.values()].reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
    values,
    rows,
    async takeStep(step) {
      const started = performance.now();
      const [batch, ...others] = makeBatches(rows, [...rows.keys()], batchShape);
      if (!batch || others.length > 0) throw new Error('the rows make one batch');
      const before = performance.now();
      const { lossSum, gradients } = await step.run(values, batch, { lossScale: 1 / batch.labelCount });
      const after = performance.now();
      optimizer.update(values, gradients, 1e-4, clipScale(globalNorm(gradients), 1));
      return {
        loss: lossSum / batch.labelCount,
        seconds: (performance.now() - started) / 1000,
        runSeconds: (after - before) / 1000,
        batchSeconds: (before - started) / 1000,
      };
    },
  };
}

export async function caseFolder(weights: TrainCaseWeights, shape: BenchShape = caseShape.shape): Promise<string> {
  if (weights === 'F32' || weights === 'BF16') return benchBase(shape, weights);
  const folder = join('.cache', 'bench', `${shape}-${weights}`);
  if (!existsSync(join(folder, 'config.json')))
    await quantizeFolder(await benchBase(shape, 'BF16'), folder, { type: weights, blockSize: 64 });
  return folder;
}

/** Opens the step of a case, and how long that takes. */
export async function openStep(
  model: TunedModel,
  options?: StepOptions,
): Promise<{ readonly step: TrainStep; readonly sessionSeconds: number }> {
  const started = performance.now();
  const step = await createTrainStep(model, options);
  return { step, sessionSeconds: (performance.now() - started) / 1000 };
}

/** What this process has held at most, and how much of it is not the weights as they lie in their file. MiB. */
export function peaksMb({ weightBytes }: Pick<TrainCase, 'weightBytes'>): {
  readonly peakRssMb: number;
  readonly peakAboveWeightsMb: number;
} {
  const peakRssMb = process.resourceUsage().maxRSS / 1024;
  return { peakRssMb, peakAboveWeightsMb: peakRssMb - weightBytes / 2 ** 20 };
}

const steps = { warmUp: 2, timed: 10 };

/** Some steps after those that warm the machine up; losses are of all. */
export async function timeSteps(
  takeStep: TrainCase['takeStep'],
  step: TrainStep,
): Promise<{ readonly seconds: readonly number[]; readonly losses: readonly number[] }> {
  const seconds: number[] = [];
  const losses: number[] = [];
  for (let i = 0; i < steps.warmUp + steps.timed; i++) {
    const taken = await takeStep(step);
    if (i >= steps.warmUp) seconds.push(taken.seconds);
    losses.push(taken.loss);
  }
  return { seconds, losses };
}
