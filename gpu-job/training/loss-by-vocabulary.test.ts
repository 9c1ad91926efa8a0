import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { smolLm135Config, tinyLlamaConfig, uniform, writeRandomBase } from '../../test/support/random-base.ts';
import { loraModelOfShape } from '../../test/support/model-of-shape.ts';
import { stepMemory, type StepMemory } from '../../shared/domain/step-memory.ts';
import { openBaseModel } from '../folders/base-model.ts';
import { peakLiveBytes } from '../graph/live-bytes.ts';
import { loraMethod } from '../methods/lora.ts';
import { requireMethod, tunedModel, type TunedModel } from '../methods/tuned-model.ts';
import { makeBatches } from './batches.ts';
import { createTrainStep, trainGraph, type StepResult } from './step-graph.ts';

const config = { ...tinyLlamaConfig, vocab_size: 101, tie_word_embeddings: false };
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-vocabulary-'));
  for (const dtype of ['F32', 'BF16'] as const) await writeRandomBase(join(folder, dtype), config, { dtype });
});
afterAll(() => rm(folder, { recursive: true }));

const modelOf = async (dtype: string): Promise<TunedModel> =>
  tunedModel(await openBaseModel(join(folder, dtype)), (known) =>
    loraMethod(
      known,
      known.linears.map(({ module }) => ({ module, r: 2, scaling: 1 })),
    ),
  );

async function stepOf(model: TunedModel, memory: StepMemory): Promise<StepResult> {
  const random = uniform(3);
  const values = new Map(
    requireMethod(model).parameters.map(({ name, shape }) => [
      name,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.2 * (random() - 0.5)),
    ]),
  );
  // some tokens have no label, and labels are in every part
  const rows = [40, 23].map((length) => ({
    tokens: Int32Array.from({ length }, () => Math.floor(random() * config.vocab_size)),
    trained: Uint8Array.from({ length }, (_, i) => Number(i % 3 > 0)),
  }));
  const [batch] = makeBatches(rows, [0, 1], { microBatchTokens: 96, packing: false, packTokens: 1, lengthMax: 64 });
  if (batch?.rows !== 2) throw new Error('the rows make one batch');
  const step = await createTrainStep(model, { threads: 1, memory });
  try {
    return await step.run(values, batch, { lossScale: 1 / batch.labelCount });
  } finally {
    await step.close();
  }
}

// the vocabulary has 101 words: neither eight nor four parts are equal
test.each([
  ['F32', 'lean'],
  ['F32', 'middle'],
  ['BF16', 'lean'],
  ['BF16', 'middle'],
] as const)(
  'in %s a %s step, whose logits come in parts, has the loss and gradients of one that has them at once',
  async (dtype, way) => {
    const model = await modelOf(dtype);
    const [whole, parted] = [await stepOf(model, stepMemory.fast), await stepOf(model, stepMemory[way])];
    expect(parted.lossSum / whole.lossSum).toBeCloseTo(1, 6);
    for (const [name, gradient] of whole.gradients) {
      const largest = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const off = (parted.gradients.get(name) ?? new Float32Array()).reduce(
        (most, value, i) => Math.max(most, Math.abs(value - (gradient[i] ?? 0))),
        0,
      );
      // sums of some hundred float32 products in another order
      expect(off / largest, name).toBeLessThan(1e-4);
    }
  },
);

/** Megabytes of what a lean step over 512 tokens of a bfloat16 base holds of what it computes. */
const leanMb = (model: TunedModel, change: Partial<StepMemory> = {}): number => {
  const memory = { ...stepMemory.lean, ...change };
  return peakLiveBytes(trainGraph(model, memory), { B: 1, H: 512 / Math.max(2, memory.lossChunks) }).bytes / 1e6;
};

test('an output embedding that is stored in two bytes is never there whole as float32', () => {
  const model = loraModelOfShape(smolLm135Config, { dtype: 'BF16' });
  const embeddingMb = (4 * smolLm135Config.vocab_size * smolLm135Config.hidden_size) / 1e6;
  expect(leanMb(model)).toBeLessThan(85);
  expect(leanMb(model, { lossChunks: 1 })).toBeGreaterThan(85 + embeddingMb);
});
