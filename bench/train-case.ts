/** What `train` and `profile` run: the shape of SmolLM2-135M with random weights, 1 x 512 tokens, LoRA r=16 on all linear layers. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openBaseModel } from '../gpu-job/folders/base-model.ts';
import { loraMethod } from '../gpu-job/methods/lora.ts';
import { quantizeFolder } from '../gpu-job/quantize/quantize-folder.ts';
import { requireMethod, tunedModel, type TunedModel } from '../gpu-job/methods/tuned-model.ts';
import { makeBatches, type TokenRow } from '../gpu-job/training/batches.ts';
import { clipScale, createAdamW, globalNorm } from '../gpu-job/training/optimizers.ts';
import type { TrainStep } from '../gpu-job/training/step-graph.ts';
import { smolLm135Config, uniform, writeRandomBase } from '../test/support/random-base.ts';

export const caseShape = {
  rows: 1,
  length: 512,
  rank: 16,
  scaling: 2,
  vocabulary: smolLm135Config.vocab_size,
} as const;
export const caseText = `SmolLM2-135M, ${caseShape.rows} x ${caseShape.length} tokens, LoRA r=${caseShape.rank} on all linear layers, float32`;

export interface TrainCase {
  readonly model: TunedModel;
  /** Of the adapter; a step changes them. */
  readonly values: ReadonlyMap<string, Float32Array>;
  /** One token more than go through the model: the last is only a label. */
  readonly row: TokenRow;
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
export type TrainCaseWeights = 'F32' | 'BF16' | 'nf4' | 'u4';

export async function prepareTrainCase(weights: TrainCaseWeights = 'F32'): Promise<TrainCase> {
  const folder = await caseFolder(weights);
  const { length, rank, scaling, vocabulary } = caseShape;
  const model = tunedModel(await openBaseModel(folder), (tunable) =>
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
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 0.02 * (random() - 0.5)),
    ]),
  );
  const row = {
    tokens: Int32Array.from({ length: length + 1 }, () => Math.floor(random() * vocabulary)),
    trained: new Uint8Array(length + 1).fill(1),
  };
  const optimizer = createAdamW(parameters, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 });
  return {
    model,
    values,
    row,
    async takeStep(step) {
      const started = performance.now();
      const shape = { microBatchTokens: length, packing: true, packTokens: length, lengthMax: length };
      const [batch] = makeBatches([row], [0], shape);
      if (!batch) throw new Error('one row makes one batch');
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

export async function caseFolder(weights: TrainCaseWeights): Promise<string> {
  const folder = join('.cache', 'bench', `smollm2-135m-${weights.toLowerCase()}`);
  if (existsSync(join(folder, 'config.json'))) return folder;
  if (weights === 'F32' || weights === 'BF16') await writeRandomBase(folder, smolLm135Config, { dtype: weights });
  else await quantizeFolder(await caseFolder('BF16'), folder, { type: weights, blockSize: 64 });
  return folder;
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
