import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test as always } from 'vitest';
import { invariant } from '../../shared/errors.ts';
import { tinyLlamaConfig, uniform, writeRandomBase } from '../../test/support/random-base.ts';
import { openBaseModel } from '../folders/base-model.ts';
import { loraMethod } from '../methods/lora.ts';
import { requireMethod, tunedModel, type TunedModel } from '../methods/tuned-model.ts';
import { canCallOrtApi, openOrtApi, type OrtApi } from '../runtime/ort-api.ts';
import { accumulate } from './accumulate.ts';
import { makeBatches, type Batch, type TokenRow } from './batches.ts';
import { firstState, readLatestCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { initialLoraParameters } from './initial-parameters.ts';
import { clipScale, createAdamW, globalNorm, type AdamWOptions } from './optimizers.ts';
import { openResidentTrainer, type ResidentTrainer } from './resident-trainer.ts';
import { createTrainStep } from './step-graph.ts';

// koffi is optional: where it cannot be installed, nothing asks for it
const test = always.skipIf(!canCallOrtApi());
let folder = '';
let api: OrtApi;
let model: TunedModel;
let batches: readonly Batch[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-resident-'));
  await writeRandomBase(join(folder, 'base'), tinyLlamaConfig);
  const base = await openBaseModel(join(folder, 'base'));
  model = tunedModel(base, (known) =>
    loraMethod(
      known,
      known.linears.map(({ module }) => ({ module, r: 2, scaling: 1 })),
      { dropout: 0.1 },
    ),
  );
  if (canCallOrtApi()) api = openOrtApi();
  const rows: TokenRow[] = [40, 20, 12, 7, 5].map((length, row) => {
    const draw = uniform(row);
    const tokens = Int32Array.from({ length }, () => Math.floor(draw() * 31));
    return { tokens, trained: new Uint8Array(length).fill(1) };
  });
  const shape = { microBatchTokens: 32, packing: false, packTokens: 1, lengthMax: 64 };
  batches = makeBatches(
    rows,
    rows.map((_, i) => i),
    shape,
  );
});
afterAll(async () => {
  api?.close();
  await rm(folder, { recursive: true });
});

const optimizer: AdamWOptions = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.1,
  rateFactors: { B: 4 },
};
const learningRate = 1e-2;
const seedOf = (i: number): number => 7 + i;
const firstValues = (): Map<string, Float32Array> => initialLoraParameters(requireMethod(model).parameters, 3);
const openTrainer = (given: Partial<Parameters<typeof openResidentTrainer>[2]> = {}): ResidentTrainer =>
  openResidentTrainer(api, model, {
    step: { threads: 1 },
    device: { kind: 'cpu' },
    optimizer,
    values: firstValues(),
    ...given,
  });

function take(trainer: ResidentTrainer): { loss: number; gradientNorm: number } {
  const { loss, gradientNorm } = trainer.accumulate(batches, seedOf);
  trainer.update(learningRate, clipScale(gradientNorm, 0.5));
  return { loss, gradientNorm };
}

/** Largest difference of two sets of values, by the largest of them. */
function difference(a: ReadonlyMap<string, Float32Array>, b: ReadonlyMap<string, Float32Array>): number {
  let [largest, size] = [0, 0];
  for (const [name, values] of a)
    for (const [i, value] of values.entries()) {
      largest = Math.max(largest, Math.abs(value - (b.get(name)?.[i] ?? NaN)));
      size = Math.max(size, Math.abs(value));
    }
  return largest / size;
}

/** The same steps with everything in the memory of the host. */
async function hostSteps(count: number): Promise<{
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly told: readonly { loss: number; gradientNorm: number }[];
}> {
  const step = await createTrainStep(model, { threads: 1 });
  const values = firstValues();
  const adamw = createAdamW(step.parameters, optimizer);
  const told = [];
  for (let i = 0; i < count; i++) {
    const { loss, gradients } = await accumulate(step, values, batches, seedOf);
    const gradientNorm = globalNorm(gradients);
    adamw.update(values, gradients, learningRate, clipScale(gradientNorm, 0.5));
    told.push({ loss, gradientNorm });
  }
  await step.close();
  return { values, told };
}

test('ten steps end where they do with all of it on the host: losses of the first to the bit, the rest within float32', async () => {
  const host = await hostSteps(10);
  const trainer = openTrainer();
  const told = Array.from({ length: 10 }, () => take(trainer));
  expect(batches.length).toBeGreaterThan(2);
  expect(told[0]?.loss).toBe(host.told[0]?.loss);
  for (const [i, { loss, gradientNorm }] of told.entries()) {
    const expected = host.told[i];
    invariant(expected, 'as many steps');
    // the host sums squares in float64
    expect(Math.abs(gradientNorm / expected.gradientNorm - 1)).toBeLessThan(1e-5);
    expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(1e-6);
  }
  // AdamW divides by the root of what it rounds: some ten times the precision of float32 (6e-8) a step
  expect(difference(host.values, trainer.values())).toBeLessThan(1e-5);
  trainer.close();
});

test('another rate or another number of updates would be noticed', async () => {
  const host = await hostSteps(3);
  const slower = openTrainer({ optimizer: { ...optimizer, rateFactors: { B: 3.99 } } });
  const later = openTrainer({ begun: { updates: 1, moments: new Map() } });
  for (const trainer of [slower, later]) {
    for (let i = 0; i < 3; i++) take(trainer);
    expect(difference(host.values, trainer.values())).toBeGreaterThan(1e-4);
    trainer.close();
  }
});

test('a step sends tokens and a few numbers, and fetches a loss for each micro-batch and one norm', () => {
  const trainer = openTrainer();
  take(trainer);
  const before = trainer.traffic;
  take(trainer);
  const { up, down } = trainer.traffic;
  // ids, labels, positions, segments; loss scale and seed of each micro-batch
  const tokens = batches.reduce((sum, { rows, length }) => sum + rows * length, 0);
  const scalars = 2 + 2 * 2; // gradient scale and smallest; step and decay of A and of B
  expect(up - before.up).toBe(8 * 4 * tokens + batches.length * (4 + 8) + 4 * scalars);
  expect(down - before.down).toBe(4 * batches.length + 4);
  const trained = [...trainer.values().values()].reduce((sum, { length }) => sum + length, 0);
  expect(trainer.traffic.down - down).toBe(4 * trained);
  trainer.close();
});

test('a checkpoint holds all of it: gone on with from there, the bits are those of a run that was not stopped', async () => {
  const steady = openTrainer();
  for (let i = 0; i < 4; i++) take(steady);
  const first = openTrainer();
  for (let i = 0; i < 2; i++) take(first);
  const checkpoints = join(folder, 'checkpoints');
  const method = requireMethod(model);
  const identity = { spec: {}, content: {} };
  const state = { ...firstState, step: first.updates };
  await writeCheckpoint(
    checkpoints,
    { state, parameters: first.values(), moments: first.moments() },
    method,
    identity,
    1,
  );
  first.close();
  const found = await readLatestCheckpoint(checkpoints, method);
  invariant(found, 'there is a checkpoint');
  const second = openTrainer({
    values: found.parameters,
    begun: { updates: found.state.step, moments: found.moments },
  });
  for (let i = 0; i < 2; i++) take(second);
  expect(second.values()).toEqual(steady.values());
  expect(second.moments()).toEqual(steady.moments());
  for (const trainer of [steady, second]) trainer.close();
});

test('two hundred steps take no more memory than ten', () => {
  const trainer = openTrainer();
  for (let i = 0; i < 10; i++) take(trainer);
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 200; i++) take(trainer);
  expect((process.memoryUsage.rss() - before) / 1e6).toBeLessThan(40);
  trainer.close();
});
