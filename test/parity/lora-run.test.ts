import { expect, it } from 'vitest';
import { readAdapterFolder, type LoraAdapter } from '../../gpu-job/folders/adapter.ts';
import { openBaseModel } from '../../gpu-job/folders/base-model.ts';
import { doraMagnitude } from '../../gpu-job/methods/dora.ts';
import { clipScale, createAdamW, globalNorm, type AdamWOptions } from '../../gpu-job/training/optimizers.ts';
import { loraPlusFactors } from '../../gpu-job/training/lora-plus.ts';
import { learningRateAt, type Schedule } from '../../gpu-job/training/schedules.ts';
import { createTrainStep, type TrainStep } from '../../gpu-job/training/step-graph.ts';
import { batchOf, fixturePath, frobeniusDistance, readFixtureJson, type HuggingFaceInputs } from './fixture.ts';
import { openAdapted } from './open-adapted.ts';

/** Absolute, in nats, at every step. A float32 run of torch is up to 6e-6 away from a float64 one. */
const lossBound = 1e-4;
/** Of all updates scaling * B A of the run together, |ours - theirs| / |theirs|; single entries of A and B may part by more. */
const updateBound = 1e-3;

/** What `record.py` says of a run. */
interface RecordedRun {
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
  /** For each step its micro-batches. */
  readonly batches: readonly (readonly HuggingFaceInputs[])[];
}
interface Curve {
  readonly losses: readonly number[];
  readonly learningRates: readonly number[];
  readonly gradientNorms: readonly number[];
}

it.each(['lora-run-20', 'lora-run-plain', 'lora-plus-run', 'dora-run'])(
  '%s takes the steps that torch, transformers and PEFT take',
  async (name) => {
    const { recorded, parameters, step, initial } = await openRun(name);
    const truth = await readFixtureJson<Curve>(name, 'expected.json');
    const curve = await train(step, parameters, recorded);
    await step.close();
    expect(worstDifference(curve.losses, truth.losses)).toBeLessThan(lossBound);
    expect(worstDifference(curve.learningRates, truth.learningRates)).toBeLessThan(1e-12);
    expect(worstDifference(curve.gradientNorms, truth.gradientNorms)).toBeLessThan(1e-3);
    const trained = withParameters(initial, parameters);
    const theirs = await readAdapterFolder(fixturePath(name, 'final'));
    expect(frobeniusDistance(updates(trained), updates(theirs))).toBeLessThan(updateBound);
  },
);

it.each<[string, Partial<RecordedRun>, Partial<AdamWOptions>]>([
  ['without clipping', { clipNorm: null }, {}],
  ['with another epsilon', {}, { epsilon: 1e-3 }],
  ['with another beta2', {}, { beta2: 0.99 }],
  ['with a warm-up one step longer', { warmupSteps: 4 }, {}],
  ['with a line instead of the cosine', { schedule: 'linear' }, {}],
])('a run %s is seen to part', async (_, change, optimizer) => {
  const { recorded, parameters, step } = await openRun('lora-run-20');
  const truth = await readFixtureJson<Curve>('lora-run-20', 'expected.json');
  const curve = await train(step, parameters, { ...recorded, ...change }, optimizer);
  await step.close();
  expect(worstDifference(curve.losses, truth.losses)).toBeGreaterThan(lossBound);
});

it('a run without weight decay is seen to part in its weights', async () => {
  const { recorded, parameters, step, initial } = await openRun('lora-run-20');
  await train(step, parameters, { ...recorded, weightDecay: 0 });
  await step.close();
  const theirs = await readAdapterFolder(fixturePath('lora-run-20', 'final'));
  expect(frobeniusDistance(updates(withParameters(initial, parameters)), updates(theirs))).toBeGreaterThan(updateBound);
});

it.each([1, 7])('LoRA+ with the ratio %i is seen to part from one with 8', async (loraPlusRatio) => {
  const { recorded, parameters, step } = await openRun('lora-plus-run');
  const truth = await readFixtureJson<Curve>('lora-plus-run', 'expected.json');
  const curve = await train(step, parameters, { ...recorded, loraPlusRatio });
  await step.close();
  expect(worstDifference(curve.losses, truth.losses)).toBeGreaterThan(lossBound);
});

async function openRun(name: string) {
  const recorded = await readFixtureJson<RecordedRun>(name, 'run.json');
  const base = await openBaseModel(fixturePath(recorded.base ?? 'llama-tiny', 'base'));
  const { model, parameters, adapter } = await openAdapted(base, fixturePath(name, 'initial'));
  const values = new Map([...parameters].map(([parameter, data]) => [parameter, data.slice()]));
  return { recorded, parameters: values, initial: adapter, step: await createTrainStep(model, { threads: 1 }) };
}

/** The loop of a training job, with nothing around it. Changes the parameters in place. */
async function train(
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

function withParameters(adapter: LoraAdapter, parameters: ReadonlyMap<string, Float32Array>): LoraAdapter {
  const modules = [...adapter.modules].map(([name, module]) => {
    const [A, B] = [parameters.get(`${name}.lora_A`), parameters.get(`${name}.lora_B`)];
    if (!A || !B) throw new Error(`${name} was not trained`);
    const magnitude = parameters.get(doraMagnitude(name));
    return [name, { ...module, A, B, ...(magnitude ? { magnitude } : {}) }] as const;
  });
  return { ...adapter, modules: new Map(modules) };
}

/** scaling * B A of all modules, one after the other, in float64, and what magnitudes there are. */
function updates(adapter: LoraAdapter): number[] {
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
function worstDifference(ours: readonly number[], theirs: readonly number[]): number {
  if (ours.length !== theirs.length) return Infinity;
  return Math.max(...ours.map((value, i) => Math.abs(value - (theirs[i] as number))));
}
