import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyLlamaConfig, writeRandomBase } from '../../test/support/random-base.ts';
import { invariant } from '../../shared/errors.ts';
import { openBaseModel } from '../folders/base-model.ts';
import { tunedModel, type TunedModel } from '../methods/tuned-model.ts';
import { readModelConfig } from '../models/registry.ts';
import type { TensorValue } from '../runtime/session.ts';
import { createEvalStep } from './eval-graph.ts';
import { makeBatches } from './batches.ts';
import { ropeFeed } from './rope-feed.ts';

/** Texts of more than 8 tokens are long. */
const phi3 = {
  ...tinyLlamaConfig,
  model_type: 'phi3',
  max_position_embeddings: 64,
  original_max_position_embeddings: 8,
  rope_scaling: { type: 'longrope', short_factor: [1, 1], long_factor: [2, 4] },
};
const places = (...positions: number[]): TensorValue => ({
  data: BigInt64Array.from(positions, BigInt),
  dims: [1, positions.length],
});

let folder = '';
let model: TunedModel;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-rope-'));
  await writeRandomBase(folder, phi3);
  model = tunedModel(await openBaseModel(folder));
});
afterAll(() => rm(folder, { recursive: true }));

test('tables grow with the tokens, and end where batches of the model do', () => {
  const feed = ropeFeed(readModelConfig({ ...tinyLlamaConfig, max_position_embeddings: 600 }));
  const first = feed(16, places(0));
  expect(first['rope_cos']?.dims).toEqual([256, 2]);
  expect(feed(200, places(0))['rope_cos']).toBe(first['rope_cos']);
  expect(feed(300, places(0))['rope_cos']?.dims).toEqual([512, 2]);
  expect(feed(600, places(0))['rope_cos']?.dims).toEqual([608, 2]);
  expect(() => feed(601, places(0))).toThrow(/601 tokens are more than the model's max_position_embeddings 600/);
});

test('a row as long as a context that is no whole number of units goes through the model', async () => {
  const odd = await mkdtemp(join(tmpdir(), 'lorary-rope-'));
  try {
    await writeRandomBase(odd, { ...tinyLlamaConfig, max_position_embeddings: 300 });
    const step = await createEvalStep(tunedModel(await openBaseModel(odd)), { threads: 1 });
    const row = { tokens: new Int32Array(301).fill(7), trained: new Uint8Array(301).fill(1) };
    const shape = { microBatchTokens: 1, packing: false, packTokens: 1, lengthMax: 300 };
    const [batch] = makeBatches([row], [0], shape);
    invariant(batch?.length === 304, 'a batch is padded');
    const { losses } = await step.run(new Map(), batch);
    expect(losses.subarray(0, 300).every((loss) => loss > 0)).toBe(true);
    await step.close();
  } finally {
    await rm(odd, { recursive: true });
  }
});

test('each rope of a model has tables of its own, as many rows as the other', () => {
  const gemma = {
    ...tinyLlamaConfig,
    model_type: 'gemma3_text',
    sliding_window_pattern: 2,
    rope_local_base_freq: 100,
    max_position_embeddings: 600,
  };
  const feed = ropeFeed(readModelConfig(gemma))(300, places(0));
  expect(Object.keys(feed)).toEqual(['rope_cos', 'rope_sin', 'rope_cos_1', 'rope_sin_1']);
  expect(Object.values(feed).map(({ dims }) => dims)).toEqual(Array.from({ length: 4 }, () => [512, 2]));
  expect(feed['rope_cos']?.data).not.toEqual(feed['rope_cos_1']?.data);
});

test('a token of a long text takes a row of the long tables, whatever stands beside it', () => {
  const count = (tokens: number): number[] => Array.from({ length: tokens }, (_, i) => i);
  const positions = places(...count(8), ...count(9), 0, 0);
  const feed = ropeFeed(readModelConfig(phi3))(19, positions);
  const long = count(9).map((position) => 64 + position);
  expect(feed['rope_rows']).toEqual(places(...count(8), ...long, 0, 0));
  expect(feed['rope_cos']?.dims).toEqual([128, 2]);
  // one token more, of which the first eight are cached
  expect(ropeFeed(readModelConfig(phi3))(9, places(8))['rope_rows']).toEqual(places(64 + 8));
});

test('a short text has the same logits alone and packed with a long one', async () => {
  const texts = [5, 12, 8].map((tokens, text) => ({
    tokens: Int32Array.from({ length: tokens }, (_, i) => ((3 + text) * i + 10 * text) % 31),
    trained: new Uint8Array(tokens).fill(1),
  }));
  const step = await createEvalStep(model, { threads: 1 });
  const logits = async (packing: boolean): Promise<number[][]> => {
    const batches = makeBatches(texts, [0, 1, 2], {
      microBatchTokens: packing ? 64 : 1,
      packing,
      packTokens: 64,
      lengthMax: 64,
    });
    const found = new Map<number, number[]>();
    for (const batch of batches) {
      const values = await step.logits(new Map(), batch);
      for (const [text, { tokens }] of texts.entries()) {
        const at = startOf(batch.inputIds, tokens);
        if (at >= 0) found.set(text, [...values.subarray(31 * at, 31 * (at + tokens.length - 1))]);
      }
    }
    expect(batches).toHaveLength(packing ? 1 : 3);
    return texts.map((_, text) => found.get(text) ?? []);
  };
  const [alone, packed] = [await logits(false), await logits(true)];
  await step.close();
  for (const [text, values] of alone.entries()) {
    expect(values.length).toBeGreaterThan(100);
    expect(Math.max(...values.map((value, i) => Math.abs(value - (packed[text]?.[i] ?? Infinity))))).toBeLessThan(1e-5);
  }
});

/** Where the tokens stand in a batch; -1: they do not. */
function startOf(inputIds: BigInt64Array, tokens: Int32Array): number {
  const wanted = tokens.slice(0, -1).join();
  for (let at = 0; at < inputIds.length; at++)
    if ([...inputIds.subarray(at, at + tokens.length - 1)].join() === wanted) return at;
  return -1;
}
