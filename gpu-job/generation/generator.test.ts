import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBaseModel } from '../folders/base-model.ts';
import { tunedModel, type TunedModel } from '../methods/tuned-model.ts';
import type { Batch } from '../training/batches.ts';
import { createEvalStep } from '../training/eval-graph.ts';
import { tinyLlamaConfig, uniform, writeRandomBase } from '../../test/support/random-base.ts';
import { createGenerator } from './generator.ts';
import { pickToken } from './sampling.ts';

let folder = '';
let model: TunedModel;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-generator-'));
  await writeRandomBase(folder, { ...tinyLlamaConfig, model_type: 'mistral', sliding_window: 5 });
  model = tunedModel(await openBaseModel(folder));
});
afterAll(() => rm(folder, { recursive: true }));

test('cached keys and values give the tokens that a fresh forward over the whole text gives', async () => {
  const generator = await createGenerator(model, { threads: 1 });
  const evaluation = await createEvalStep(model, { threads: 1 });
  const tokens = [3, 10, 17];
  const generated: number[] = [];
  for await (const token of generator.generate(new Map(), {
    promptIds: tokens,
    maxNewTokens: 12,
    stopIds: [],
    temperature: 0,
  }))
    generated.push(token);
  expect(generated).toHaveLength(12);
  for (const token of generated) {
    const logits = await evaluation.logits(new Map(), wholeText(tokens));
    const vocabulary = model.spec.vocabSize;
    const last = logits.subarray((tokens.length - 1) * vocabulary, tokens.length * vocabulary);
    expect(pickToken(last, { temperature: 0 }, Math.random)).toBe(token);
    tokens.push(token);
  }
  await generator.close();
  await evaluation.close();
});

test('generation ends with a stop token, and at the last position the model has', async () => {
  const generator = await createGenerator(model, { threads: 1 });
  const run = async (promptIds: number[], stopIds: number[]): Promise<number[]> => {
    const tokens: number[] = [];
    const request = { promptIds, maxNewTokens: 1000, stopIds, temperature: 0 };
    for await (const token of generator.generate(new Map(), request)) tokens.push(token);
    return tokens;
  };
  const free = await run([1, 2], []);
  expect(free).toHaveLength(tinyLlamaConfig.max_position_embeddings - 2);
  const stop = free[3] ?? -1;
  expect(await run([1, 2], [stop])).toEqual(free.slice(0, free.indexOf(stop) + 1));
  await generator.close();
});

test('sampling draws from what top-k and top-p leave, in proportion to the probabilities', () => {
  const logits = Float32Array.from([Math.log(0.5), Math.log(0.3), Math.log(0.15), Math.log(0.05)]);
  const random = uniform(1);
  const shares = (sampling: Parameters<typeof pickToken>[1]): number[] => {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) {
      const token = pickToken(logits, sampling, random);
      counts[token] = (counts[token] ?? 0) + 1;
    }
    return counts.map((count) => count / 4000);
  };
  expect(shares({ temperature: 1 })[1]).toBeCloseTo(0.3, 1);
  expect(shares({ temperature: 1, topK: 2 }).slice(2)).toEqual([0, 0]);
  expect(shares({ temperature: 1, topP: 0.8 }).slice(2)).toEqual([0, 0]);
  expect(shares({ temperature: 0.1 })[0]).toBeGreaterThan(0.98);
  expect(shares({ temperature: 0 })[0]).toBe(1);
});

function wholeText(tokens: readonly number[]): Batch {
  const length = tokens.length + (tokens.length % 2);
  const row = (f: (i: number) => number, padding = 0): BigInt64Array =>
    BigInt64Array.from({ length }, (_, i) => BigInt(i < tokens.length ? f(i) : padding));
  return {
    rows: 1,
    length,
    inputIds: row((i) => tokens[i] ?? 0),
    labels: row(() => -100, -100),
    positions: row((i) => i),
    segments: row(() => 1),
    labelCount: 0,
    sources: [],
  };
}
