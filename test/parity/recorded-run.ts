import type { LoraAdapter } from '../../gpu-job/folders/adapter.ts';
import { clipScale, createAdamW, globalNorm, type AdamWOptions } from '../../gpu-job/training/optimizers.ts';
import { loraPlusFactors } from '../../gpu-job/training/lora-plus.ts';
import { learningRateAt, type Schedule } from '../../gpu-job/training/schedules.ts';
import type { TrainStep } from '../../gpu-job/training/step-graph.ts';
import { batchOf, type HuggingFaceInputs } from './fixture.ts';

/** What `record.py` says of a run. */
export interface RecordedRun {
  /** Default: llama-tiny. */
  readonly base?: string;
  readonly lr: number;
  readonly schedule: Schedule['kind'];
  readonly warmupSteps: number;
  readonly steps: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  readonly clipNorm: number | null;
  /** Of LoRA+. */
  readonly loraPlusRatio?: number;
  readonly loraPlusEmbeddingRate?: number;
  /** For each step its micro-batches. */
  readonly batches: readonly (readonly HuggingFaceInputs[])[];
}
export interface Curve {
  readonly losses: readonly number[];
  readonly learningRates: readonly number[];
  readonly gradientNorms: readonly number[];
}

/** The loop of a training job, with nothing around it. Changes the parameters in place. */
export async function trainRecorded(
  step: TrainStep,
  parameters: Map<string, Float32Array>,
  recorded: RecordedRun,
  change: Partial<AdamWOptions> = {},
): Promise<Curve> {
  const { lr, schedule, warmupSteps, steps, betas, eps, weightDecay, clipNorm } = recorded;
  const [beta1, beta2] = betas;
  const rateFactors = loraPlusFactors(recorded, lr);
  const settings = { beta1, beta2, epsilon: eps, weightDecay, rateFactors };
  const optimizer = createAdamW(step.parameters, { ...settings, ...change });
  const curve = { losses: [] as number[], learningRates: [] as number[], gradientNorms: [] as number[] };
  for (const [number, microBatches] of recorded.batches.entries()) {
    const batches = microBatches.map(batchOf);
    const labels = batches.reduce((count, batch) => count + batch.labelCount, 0);
    let lossSum = 0;
    const gradients = new Map<string, Float32Array>();
    for (const batch of batches) {
      const result = await step.run(parameters, batch, { lossScale: 1 / labels });
      lossSum += result.lossSum;
      for (const [parameter, gradient] of result.gradients) {
        const total = gradients.get(parameter);
        gradients.set(parameter, total ? total.map((value, i) => value + (gradient[i] as number)) : gradient);
      }
    }
    const norm = globalNorm(gradients);
    const learningRate = learningRateAt({ kind: schedule, learningRate: lr, warmupSteps, steps }, number);
    optimizer.update(parameters, gradients, learningRate, clipScale(norm, clipNorm ?? 0));
    curve.losses.push(lossSum / labels);
    curve.learningRates.push(learningRate);
    curve.gradientNorms.push(norm);
  }
  return curve;
}

/** scaling * B A of all modules, one after the other, in float64, and what magnitudes there are. */
export function updates(adapter: Pick<LoraAdapter, 'modules'>): number[] {
  const values: number[] = [];
  for (const [, { A, B, r, inFeatures, outFeatures, scaling, magnitude = [] }] of [...adapter.modules].toSorted(
    byName,
  )) {
    for (let row = 0; row < outFeatures; row++)
      for (let column = 0; column < inFeatures; column++) {
        let dot = 0;
        for (let k = 0; k < r; k++) dot += (B[row * r + k] as number) * (A[k * inFeatures + column] as number);
        values.push(scaling * dot);
      }
    values.push(...magnitude);
  }
  return values;
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

/** Infinite when the two are not of one length. */
export function worstDifference(ours: readonly number[], theirs: readonly number[]): number {
  if (ours.length !== theirs.length) return Infinity;
  return Math.max(...ours.map((value, i) => Math.abs(value - (theirs[i] as number))));
}
