import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UnavailableError } from '../../shared/errors.ts';
import { loraConfigSchema } from '../../shared/methods/lora.ts';
import { tinyLlamaConfig, uniform, writeRandomBase } from '../../test/support/random-base.ts';
import { openBaseModel } from '../folders/base-model.ts';
import { plannedModel } from '../jobs/planned-model.ts';
import { accumulate, addTo } from './accumulate.ts';
import { makeBatches, type Batch, type TokenRow } from './batches.ts';
import { initialLoraParameters } from './initial-parameters.ts';
import { createTrainStep, type StepResult, type TrainStep } from './step-graph.ts';
import { openStepWorkers, type WorkerModel } from './step-workers.ts';

let folder = '';
let order: WorkerModel;
let step: TrainStep;
let values: ReadonlyMap<string, Float32Array>;
let batches: readonly Batch[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-workers-'));
  await writeRandomBase(folder, tinyLlamaConfig);
  const base = await openBaseModel(folder);
  const config = loraConfigSchema.parse({ r: 2, lora_dropout: 0.1, target_modules: 'all-linear' });
  const { linears } = plannedModel(base, undefined);
  const targets = linears.map(({ module }) => ({ module, r: 2, scaling: 1 }));
  order = { base: folder, method: { config, targets, saved: [] }, options: { threads: 1 } };
  step = await createTrainStep(plannedModel(base, order.method), order.options);
  const random = uniform(9);
  values = initialLoraParameters(step.parameters, 3);
  for (const [name, given] of values)
    if (name.endsWith('.lora_B')) for (let i = 0; i < given.length; i++) given[i] = random() - 0.5;
  // the first is the longest by far: whoever has a short one is done before
  const rows: TokenRow[] = [64, 20, 6, 5, 4, 3, 3].map((length, row) => {
    const draw = uniform(row);
    const tokens = Int32Array.from({ length }, () => Math.floor(draw() * 31));
    return { tokens, trained: new Uint8Array(length).fill(1) };
  });
  const shape = { microBatchTokens: 16, packing: false, packTokens: 1, lengthMax: 64 };
  batches = makeBatches(
    rows,
    rows.map((_, i) => i),
    shape,
  );
});
afterAll(async () => {
  await step.close();
  await rm(folder, { recursive: true });
});

const seedOf = (i: number): number => 1000 + i;
const open = (count: number, entry?: URL): ReturnType<typeof openStepWorkers> =>
  openStepWorkers(order, { count, values, parameters: step.parameters, ...(entry ? { entry } : {}) });

test('two and three workers give the loss and the gradients of one to the bit, step after step', async () => {
  expect(batches.length).toBeGreaterThan(3);
  const alone = await accumulate(step, values, batches, seedOf);
  for (const count of [2, 3]) {
    const workers = await open(count);
    try {
      for (let i = 0; i < 3; i++) {
        const shared = await workers.accumulate(batches, seedOf);
        expect({ ...shared, gradients: new Map(shared.gradients) }).toEqual(alone);
      }
      const fewer = await workers.accumulate(batches.slice(0, 1), seedOf);
      expect(fewer).toEqual(await accumulate(step, values, batches.slice(0, 1), seedOf));
    } finally {
      await workers.close();
    }
  }
});

test('sums in another order would be noticed', async () => {
  const labels = batches.reduce((sum, { labelCount }) => sum + labelCount, 0);
  let sums: StepResult['gradients'] | undefined;
  for (const [i, batch] of [...batches.entries()].toReversed()) {
    const { gradients } = await step.run(values, batch, { lossScale: 1 / labels, seed: seedOf(i) });
    if (sums) addTo(sums, gradients);
    else sums = gradients;
  }
  expect(sums).not.toEqual((await accumulate(step, values, batches, seedOf)).gradients);
});

test('workers see what an optimizer makes of the parameters', async () => {
  const workers = await open(2);
  try {
    const before = (await workers.accumulate(batches, seedOf)).loss;
    for (const given of workers.parameters.values()) given.fill(0);
    const after = (await workers.accumulate(batches, seedOf)).loss;
    const zeros = new Map([...values].map(([name, given]) => [name, new Float32Array(given.length)]));
    expect(after).toBe((await accumulate(step, zeros, batches, seedOf)).loss);
    expect(after).not.toBe(before);
  } finally {
    await workers.close();
  }
});

test('a worker that fails ends the step with its own error, though others wait for their turn', async () => {
  const workers = await open(2);
  const [first, ...rest] = batches;
  const unknown = { ...first, inputIds: first?.inputIds.slice().fill(1_000_000n) } as Batch; // there is a first
  await expect(workers.accumulate([unknown, ...rest], seedOf)).rejects.toThrow(/indices element out of data bounds/);
  await expect(workers.accumulate(batches, seedOf)).rejects.toThrow(/indices element out of data bounds/);
  await workers.close();
});

test('a worker that ends is told of, though others wait for its turn; the run may go on from its checkpoint', async () => {
  const dying = new URL('../../test/support/dying-step-worker.ts', import.meta.url);
  const workers = await open(2, dying);
  const failure: unknown = await workers.accumulate(batches, seedOf).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(UnavailableError);
  expect(String(failure)).toMatch(/Worker 1 of 2 ended with code 3 .* go on from the last checkpoint/);
  await workers.close();
});

test('workers that cannot open their model say why', async () => {
  const elsewhere = { ...order, base: join(folder, 'none') };
  await expect(openStepWorkers(elsewhere, { count: 2, values, parameters: step.parameters })).rejects.toThrow(/none/);
});
