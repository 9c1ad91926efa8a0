import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evaluateSpecSchema } from '../../shared/contract/specs/evaluate.ts';
import { generateSpecSchema } from '../../shared/contract/specs/generate.ts';
import { mergeSpecSchema } from '../../shared/contract/specs/merge.ts';
import { trainSpecSchema } from '../../shared/contract/specs/train.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { runEvaluate } from './evaluate.ts';
import { runGenerate } from './generate.ts';
import { runMerge } from './merge.ts';
import { runTrain } from './train.ts';

const architectures = {
  qwen3: {},
  smollm3: { no_rope_layer_interval: 2 },
  gemma3_text: { sliding_window: 8, sliding_window_pattern: 2 },
  // rows on either side of 8 tokens, so tables change from batch to batch and while text is written
  phi3: {
    original_max_position_embeddings: 8,
    rope_scaling: { type: 'longrope', short_factor: [1, 1], long_factor: [2, 4] },
  },
};

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-architectures-'));
  for (const [model_type, config] of Object.entries(architectures))
    await writeTinyBase(join(folder, model_type), { config: { model_type, ...config } });
  const rows = Array.from({ length: 24 }, (_, i) => ({
    prompt: `${'abc'[i % 3]}`,
    completion: 'one two three'.slice(i % 3, 3 + 4 * (i % 3)),
  }));
  await writeFile(join(folder, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
});
afterAll(() => rm(folder, { recursive: true }));

test.each(Object.keys(architectures))(
  '%s learns by LoRA, and is with the adapter merged what it is with the adapter beside it',
  async (name) => {
    const [base, adapter, merged] = [name, `${name}-adapter`, `${name}-merged`].map((path) => join(folder, path));
    const method = { kind: 'lora', config: { r: 4, lora_alpha: 8 } };
    const { evalLossBefore, evalLoss } = await train({ base, output: adapter, method });
    expect(evalLoss).toBeLessThan((evalLossBefore ?? 0) - 0.3);
    await runMerge(
      mergeSpecSchema.parse({ kind: 'merge', base, adapter, output: merged, threads: 1 }),
      rememberingContext(),
    );
    const beside = await evaluated({ base, adapter });
    expect((await evaluated({ base: merged })) / beside).toBeCloseTo(1, 5);
    expect((await evaluated({ base })) / beside).toBeGreaterThan(1.05);
    expect(await generated({ base: merged })).toEqual(await generated({ base, adapter }));
  },
);

test('a Gemma 3 is trained from random weights, its norms from one', async () => {
  const base = join(folder, 'gemma3_text');
  const method = { kind: 'full', initial: 'random' };
  const { evalLossBefore, evalLoss } = await train({ base, output: join(folder, 'fresh'), method });
  expect(evalLossBefore).toBeGreaterThan(4);
  expect(evalLoss).toBeLessThan((evalLossBefore ?? 0) - 1);
});

function train(changes: object): ReturnType<typeof runTrain> {
  const data = { train: join(folder, 'rows.jsonl'), eval: join(folder, 'rows.jsonl') };
  const settings = { steps: 12, batch: { rows: 8 }, optimizer: { learningRate: 0.02 }, threads: 1 };
  return runTrain(trainSpecSchema.parse({ kind: 'train', data, ...settings, ...changes }), rememberingContext());
}

async function evaluated(model: object): Promise<number> {
  const spec = { kind: 'evaluate', data: join(folder, 'rows.jsonl'), bootstrapSamples: 100, threads: 1, ...model };
  return (await runEvaluate(evaluateSpecSchema.parse(spec), rememberingContext())).loss.value;
}

async function generated(model: object): Promise<unknown> {
  const prompts = [{ prompt: 'a' }, { prompt: 'b, and more than that' }];
  const spec = { kind: 'generate', prompts, maxNewTokens: 16, threads: 1, ...model };
  return (await runGenerate(generateSpecSchema.parse(spec), rememberingContext())).texts;
}
