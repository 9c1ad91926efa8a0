import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyLlamaConfig, uniform, writeRandomBase } from '../../test/support/random-base.ts';
import { openBaseModel } from '../folders/base-model.ts';
import { loraMethod } from '../methods/lora.ts';
import { tunedModel } from '../methods/tuned-model.ts';
import { accumulate } from './accumulate.ts';
import { makeBatches, type BatchShape, type TokenRow } from './batches.ts';
import { initialLoraParameters } from './initial-parameters.ts';
import { createTrainStep, type StepResult, type TrainStep } from './step-graph.ts';

let folder = '';
let step: TrainStep;
let parameters: Map<string, Float32Array>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-accumulate-'));
  await writeRandomBase(folder, tinyLlamaConfig);
  const base = await openBaseModel(folder);
  const model = tunedModel(base, (known) =>
    loraMethod(
      known,
      known.linears.map(({ module }) => ({ module, r: 2, scaling: 1 })),
    ),
  );
  step = await createTrainStep(model, { threads: 1 });
  parameters = initialLoraParameters(step.parameters, 3);
  const random = uniform(9);
  for (const [name, values] of parameters)
    // B must not be zero, or A has no gradient
    if (name.endsWith('.lora_B')) for (let i = 0; i < values.length; i++) values[i] = random() - 0.5;
});
afterAll(async () => {
  await step.close();
  await rm(folder, { recursive: true });
});

/** Rows of 2 to 24 tokens with a third to all of them trained: micro-batches get very different numbers of labels. */
const rows: TokenRow[] = Array.from({ length: 12 }, (_, row) => {
  const random = uniform(row);
  const tokens = Int32Array.from({ length: 2 + ((row * 7) % 23) }, () => Math.floor(random() * 31));
  return { tokens, trained: Uint8Array.from(tokens, (_, i) => (i > (row % 3) * 0.3 * tokens.length ? 1 : 0)) };
});
const indices = rows.map((_, i) => i);
/** As few sequences as the context allows. */
const large: BatchShape = { microBatchTokens: 10_000, packing: true, packTokens: 64, lengthMax: 64 };

async function run(shape: BatchShape): Promise<{ loss: number; gradients: StepResult['gradients']; batches: number }> {
  const batches = makeBatches(rows, indices, shape);
  return { ...(await accumulate(step, parameters, batches, () => 0)), batches: batches.length };
}

function largestDifference(a: StepResult['gradients'], b: StepResult['gradients']): number {
  let [difference, size] = [0, 0];
  for (const [name, values] of a)
    for (const [i, value] of values.entries()) {
      difference = Math.max(difference, Math.abs(value - (b.get(name)?.[i] ?? NaN)));
      size = Math.max(size, Math.abs(value));
    }
  return difference / size;
}

test('micro-batches, packed or padded, give the loss and the gradients of the large batch', async () => {
  const whole = await run(large);
  expect(whole.batches).toBe(2); // more would cost more, fewer be padding
  for (const shape of [
    { ...large, packing: false, microBatchTokens: 24 },
    { ...large, packing: false, microBatchTokens: 100 },
    { ...large, packTokens: 48, microBatchTokens: 48 },
  ]) {
    const parts = await run(shape);
    expect(parts.batches).toBeGreaterThan(whole.batches);
    expect(Math.abs(parts.loss - whole.loss)).toBeLessThan(1e-6 * whole.loss);
    expect(largestDifference(whole.gradients, parts.gradients)).toBeLessThan(2e-6);
  }
});

test('a mean of the means of micro-batches would be noticed', async () => {
  const whole = await run(large);
  const batches = makeBatches(rows, indices, { ...large, packing: false, microBatchTokens: 24 });
  let mean = 0;
  for (const batch of batches) {
    const { loss } = await accumulate(step, parameters, [batch], () => 0);
    mean += loss / batches.length;
  }
  expect(Math.abs(mean - whole.loss)).toBeGreaterThan(1e-3 * whole.loss);
});
