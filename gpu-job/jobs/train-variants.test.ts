import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { composeSpecSchema } from '../../shared/contract/specs/compose.ts';
import { evaluateSpecSchema } from '../../shared/contract/specs/evaluate.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { mergeSpecSchema } from '../../shared/contract/specs/merge.ts';
import { trainSpecSchema, type TrainSpec } from '../../shared/contract/specs/train.ts';
import { refusals } from '../../test/support/refusals.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { readAdapterFolder } from '../folders/adapter.ts';
import { openBaseModel, readTensorFloat32 } from '../folders/base-model.ts';
import { writeModelFolder } from '../folders/write-model.ts';
import { runCompose } from './compose.ts';
import { runEvaluate } from './evaluate.ts';
import { runMerge } from './merge.ts';
import { runTrain } from './train.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-train-variants-'));
  await writeTinyBase(at('base'));
  const row = (prompt: string): string => JSON.stringify({ prompt, completion: ' meow' });
  await writeFile(at('rows.jsonl'), Array.from({ length: 40 }, (_, i) => row(`${i} cat:`)).join('\n'));
  await writeFile(at('held.jsonl'), Array.from({ length: 10 }, (_, i) => row(`${i} dog:`)).join('\n'));
});
afterAll(() => rm(folder, { recursive: true }));

const specOf = (output: string, config: object, changes: object = {}): TrainSpec =>
  trainSpecSchema.parse({
    kind: 'train',
    base: at('base'),
    output: at(output),
    data: { train: at('rows.jsonl'), eval: at('held.jsonl') },
    method: { kind: 'lora', config: { r: 4, lora_alpha: 8, ...config } },
    steps: 20,
    batch: { rows: 8, packTokens: 256, microBatchTokens: 2048 },
    optimizer: { learningRate: 0.02 },
    threads: 1,
    ...changes,
  });

const lossOf = async (adapter?: string, base = 'base'): Promise<number> => {
  const spec = { kind: 'evaluate', base: at(base), data: at('held.jsonl'), threads: 1 };
  const parsed = evaluateSpecSchema.parse({ ...spec, ...(adapter === undefined ? {} : { adapter: at(adapter) }) });
  return (await runEvaluate(parsed, rememberingContext())).loss.value;
};

describe.each<[string, object]>([
  ['DoRA', { use_dora: true }],
  ['DoRA with dropout', { use_dora: true, lora_dropout: 0.2 }],
])('%s', (name, config) => {
  test('begins at the base to the bit, learns, and is read back as what it was', async () => {
    const output = name.replaceAll(' ', '-');
    const report = await runTrain(specOf(output, config), rememberingContext());
    expect(report.evalLossBefore).toBe(await lossOf());
    expect(report.evalLoss).toBeLessThan((report.evalLossBefore ?? 0) - 1);
    expect(await lossOf(output)).toBe(report.evalLoss);
    expect((await readAdapterFolder(at(output))).config).toMatchObject(config);
  });
});

describe.each<[string, string, number]>([
  ['gaussian', 'gaussian', 4],
  ['PiSSA', 'pissa', 8],
  ['PiSSA of a few iterations', 'pissa_niter_4', 8],
  ['OLoRA', 'olora', 8],
])('%s', (name, init, rank) => {
  test('begins at the base to the bit, learns, and is written for the base as it is', async () => {
    const output = name.replaceAll(' ', '-');
    const report = await runTrain(specOf(output, { init_lora_weights: init, lora_dropout: 0.1 }), rememberingContext());
    expect(report.evalLossBefore).toBe(await lossOf());
    expect(report.evalLoss).toBeLessThan((report.evalLossBefore ?? 0) - 0.5);
    expect(await lossOf(output)).toBeCloseTo(report.evalLoss ?? 0, 4);
    const { config } = await readAdapterFolder(at(output));
    expect([config.r, config.lora_alpha]).toEqual([rank, 2 * rank]);
    expect(config.init_lora_weights).toBe(init === 'gaussian' ? 'gaussian' : true);
  });
});

describe.each<[string, object]>([
  ['embeddings', { target_modules: ['q_proj', 'embed_tokens', 'lm_head'], lora_dropout: 0.1 }],
  ['whole', { target_modules: ['v_proj', 'embed_tokens'], modules_to_save: ['lm_head', 'norm'] }],
])('%s of a base whose embeddings are one tensor', (name, config) => {
  const optimizer = { learningRate: 0.02, loraPlusRatio: 2, loraPlusEmbeddingRate: 0.02 };

  test('begin at the base to the bit, learn, and are read back as what they were', async () => {
    const report = await runTrain(specOf(name, config, { optimizer }), rememberingContext());
    expect(report.evalLossBefore).toBe(await lossOf());
    expect(report.evalLoss).toBeLessThan((report.evalLossBefore ?? 0) - 0.5);
    expect(await lossOf(name)).toBe(report.evalLoss);
  });

  test('merged part, and have the loss of the adapter', async () => {
    const spec = mergeSpecSchema.parse({
      kind: 'merge',
      base: at('base'),
      adapter: at(name),
      output: at(`${name}-merged`),
    });
    expect((await runMerge(spec, rememberingContext())).unties).toBe(true);
    expect(await lossOf(undefined, `${name}-merged`)).toBeCloseTo(await lossOf(name), 4);
    expect(Math.abs((await lossOf(undefined, `${name}-merged`)) - (await lossOf()))).toBeGreaterThan(0.3);
  });

  test('are refused where only factors of linear modules can be said', async () => {
    const members = [{ adapter: at(name), weight: 1 }];
    const found = await refusals(
      runCompose(
        composeSpecSchema.parse({ kind: 'compose', type: 'cat', members, output: at('none') }),
        rememberingContext(),
      ),
    );
    expect(found.every((line) => line.startsWith('beyond-factors'))).toBe(true);
    expect(found.length).toBeGreaterThan(0);
  });
});

test('a lean run of embeddings has the losses of a fast one', async () => {
  const config = { target_modules: ['embed_tokens', 'lm_head', 'up_proj'] };
  const [fast, lean] = [
    await runTrain(specOf('fast', config, { memory: 'fast' }), rememberingContext()),
    await runTrain(specOf('lean', config, { memory: 'lean' }), rememberingContext()),
  ];
  expect(lean.evalLoss).toBeCloseTo(fast.evalLoss ?? 0, 3);
});

test('what is no module, and variants on embeddings, are refused', async () => {
  const none = await refusals(runTrain(specOf('none', { modules_to_save: ['head', 'x'] }), rememberingContext()));
  expect(none).toEqual(['train method.config.modules_to_save']);
  for (const more of [{ use_dora: true }, { init_lora_weights: 'olora' }]) {
    const config = { target_modules: ['q_proj', 'embed_tokens', 'lm_head'], ...more };
    const found = await refusals(runTrain(specOf('none', config), rememberingContext()));
    expect(found).toEqual(Array.from({ length: 2 }, () => 'train method.config.target_modules'));
  }
});

test('a run of PiSSA that was interrupted goes on bit for bit, with the factors it began with', async () => {
  const config = { init_lora_weights: 'pissa_niter_2' };
  await runTrain(specOf('through', config), rememberingContext());
  const stopped = runTrain(specOf('halves', config), { ...rememberingContext(), stopRequested: stopAfter(24) });
  await expect(stopped).rejects.toBeInstanceOf(UnavailableError);
  await runTrain(specOf('halves', config), rememberingContext());
  for (const name of ['adapter_model.safetensors', 'adapter_config.json'])
    expect(await readFile(join(at('halves'), name))).toEqual(await readFile(join(at('through'), name)));
});

test('what cannot begin with factors of the base is refused, all at once', async () => {
  const config = { init_lora_weights: 'pissa', use_dora: true, r: 20, lora_alpha: -4 };
  const found = await refusals(runTrain(specOf('none', config, { outputDtype: 'bf16' }), rememberingContext()));
  expect(new Set(found.filter((line) => line.startsWith('train ')))).toEqual(
    new Set([
      'train method.config.use_dora',
      'train outputDtype',
      'train method.config.r',
      'train method.config.lora_alpha',
    ]),
  );
  expect(() => specOf('none', { init_lora_weights: 'pizza' })).toThrow(/init_lora_weights/);
});

test('magnitudes of DoRA are trained, and begin as the lengths of rows', async () => {
  await runTrain(
    specOf('still', { use_dora: true }, { steps: 1, optimizer: { learningRate: 1e-30 } }),
    rememberingContext(),
  );
  const base = await openBaseModel(at('base'));
  const still = await readAdapterFolder(at('still'));
  const moved = await readAdapterFolder(at('DoRA'));
  for (const { module, inFeatures, magnitude = [] } of still.modules.values()) {
    const W = await readTensorFloat32(base, `${module}.weight`);
    for (const [row, length] of magnitude.entries())
      expect(length).toBeCloseTo(Math.hypot(...W.subarray(row * inFeatures, (row + 1) * inFeatures)), 6);
    expect(moved.modules.get(module)?.magnitude).not.toEqual(magnitude);
  }
});

test('a row of zeros has no length that DoRA could divide by', async () => {
  const base = await openBaseModel(at('base'));
  const tensors = [];
  for (const { name, shape } of base.tensors.values()) {
    const values = await readTensorFloat32(base, name);
    if (name.endsWith('1.mlp.up_proj.weight')) values.fill(0, 2 * 24, 3 * 24);
    tensors.push({ name, shape, values });
  }
  const files = { 'tokenizer.json': await readFile(join(at('base'), 'tokenizer.json'), 'utf8') };
  await writeModelFolder(at('zeros'), { base: at('base'), config: base.config, tensors, dtype: 'F32', files });
  const spec = specOf('none', { use_dora: true }, { base: at('zeros') });
  await expect(runTrain(spec, rememberingContext())).rejects.toThrow(/Row 2 of model.layers.1.mlp.up_proj is zero/);
});

test('LoRA+ is refused where there is no B', async () => {
  const spec = specOf('none', {}, { method: { kind: 'full' }, optimizer: { loraPlusRatio: 16 } });
  expect(await refusals(runTrain(spec, rememberingContext()))).toEqual(['train optimizer.loraPlusRatio']);
  const without = specOf('none', {}, { optimizer: { loraPlusEmbeddingRate: 1e-5 } });
  expect(await refusals(runTrain(without, rememberingContext()))).toEqual(['train optimizer.loraPlusEmbeddingRate']);
});

/** Asks for a stop once it was asked so many times. */
function stopAfter(times: number): () => boolean {
  let asked = 0;
  return () => ++asked > times;
}
