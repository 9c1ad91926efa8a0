import { describe, expect, it } from 'vitest';
import { openBaseModel, type BaseModelFolder } from '../../gpu-job/folders/base-model.ts';
import { createGenerator } from '../../gpu-job/generation/generator.ts';
import { fullMethod } from '../../gpu-job/methods/full.ts';
import { tunedModel, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';
import type { DecoderSpec } from '../../gpu-job/nn/decoder-spec.ts';
import type { RopeScaling } from '../../gpu-job/nn/rotary.ts';
import { makeBatches, type Batch } from '../../gpu-job/training/batches.ts';
import { createEvalStep } from '../../gpu-job/training/eval-graph.ts';
import { createTrainStep } from '../../gpu-job/training/step-graph.ts';
import {
  batchOf,
  fixturePath,
  readFixtureJson,
  readFixtureTensors,
  relativeDeviation,
  type FixtureTensor,
  type HuggingFaceInputs,
} from './fixture.ts';
import { openAdapted } from './open-adapted.ts';

/** Against the largest magnitude of the same tensor (`relativeDeviation`). A float32 run of torch is 3e-6 from the truth. */
const bound = 1e-4;
const models = [
  'llama-tiny',
  'llama-untied',
  'llama-linear-rope',
  'mistral-tiny',
  'qwen2-tiny',
  'qwen2-window',
  'qwen3-tiny',
  'qwen3-yarn',
  'smollm3-tiny',
  'smollm3-listed',
  'gemma3-tiny',
  'gemma3-listed',
  'phi3-long',
  'phi3-partial',
];
const withFullGradients = ['llama-tiny', 'llama-untied', 'qwen2-tiny', 'gemma3-tiny'];

interface Truth {
  readonly lossSum: number;
  readonly greedyFrom6: readonly number[];
}
interface Expected {
  readonly labelCount: number;
  readonly base: Truth;
  readonly adapted: Truth;
}
const noParameters: ReadonlyMap<string, Float32Array> = new Map();

async function openCase(name: string) {
  const base = await openBaseModel(fixturePath(name, 'base'));
  const inputs = await readFixtureJson<HuggingFaceInputs>(name, 'inputs.json');
  const expected = await readFixtureJson<Expected>(name, 'expected.json');
  const tensors = await readFixtureTensors(name, 'expected.safetensors');
  const batch = batchOf(inputs);
  return {
    base,
    inputs,
    batch,
    expected,
    adapter: fixturePath(name, 'adapter'),
    truth: (key: string) => pick(tensors, key),
  };
}

function pick(tensors: ReadonlyMap<string, FixtureTensor>, name: string): Float32Array {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`the recorder wrote no tensor ${name}`);
  return tensor.values;
}

async function logits(
  model: TunedModel,
  parameters: ReadonlyMap<string, Float32Array>,
  batch: Batch,
): Promise<Float32Array> {
  const step = await createEvalStep(model, { threads: 1 });
  const values = await step.logits(parameters, batch);
  await step.close();
  return values;
}

async function greedy(model: TunedModel, parameters: ReadonlyMap<string, Float32Array>, promptIds: readonly number[]) {
  const generator = await createGenerator(model, { threads: 1 });
  const tokens: number[] = [];
  const request = { promptIds, maxNewTokens: 10, stopIds: [], temperature: 0, topP: 1, topK: 0 };
  for await (const token of generator.generate(parameters, request)) tokens.push(token);
  await generator.close();
  return tokens;
}

describe.each(models)('%s agrees with transformers and PEFT', (name) => {
  it('in the logits and the loss of the base', async () => {
    const { base, batch, expected, truth } = await openCase(name);
    expect(batch.labelCount).toBe(expected.labelCount);
    expect(relativeDeviation(await logits(tunedModel(base), noParameters, batch), truth('logits'))).toBeLessThan(bound);
    const step = await createEvalStep(tunedModel(base), { threads: 1 });
    const { losses } = await step.run(noParameters, batch);
    await step.close();
    expect(sum(losses) / expected.base.lossSum).toBeCloseTo(1, 5);
  });

  it('in the logits, the loss and every LoRA gradient with an adapter', async () => {
    const { base, batch, expected, adapter, truth } = await openCase(name);
    const { model, parameters } = await openAdapted(base, adapter);
    expect(relativeDeviation(await logits(model, parameters, batch), truth('adapted_logits'))).toBeLessThan(bound);
    const step = await createTrainStep(model, { threads: 1 });
    const { lossSum, gradients } = await step.run(parameters, batch, { lossScale: 1 / batch.labelCount });
    await step.close();
    expect(lossSum / expected.adapted.lossSum).toBeCloseTo(1, 5);
    expect(gradients.size).toBe(2 * model.linears.length);
    for (const [parameter, gradient] of gradients)
      expect(relativeDeviation(gradient, truth(`gradient.${parameter}`)), parameter).toBeLessThan(bound);
  });

  it('in ten greedy tokens, with cached keys and values', async () => {
    const { base, inputs, expected, adapter } = await openCase(name);
    const prompt = (inputs.input_ids[0] ?? []).slice(0, 6);
    expect(await greedy(tunedModel(base), noParameters, prompt)).toEqual(expected.base.greedyFrom6);
    const { model, parameters } = await openAdapted(base, adapter);
    expect(await greedy(model, parameters, prompt)).toEqual(expected.adapted.greedyFrom6);
  });

  it('when both rows are packed into one', async () => {
    const { base, batch, adapter, truth } = await openCase(name);
    const { model, parameters } = await openAdapted(base, adapter);
    const packed: Batch = {
      ...batch,
      rows: 1,
      length: batch.rows * batch.length,
      segments: batch.segments.map((_, i) => BigInt(1 + Math.floor(i / batch.length))),
    };
    expect(relativeDeviation(await logits(model, parameters, packed), truth('adapted_logits'))).toBeLessThan(bound);
  });
});

it.each(withFullGradients)('%s agrees with torch in the gradient of every tensor of the base', async (name) => {
  const { base, batch } = await openCase(name);
  const truth = await readFixtureTensors(name, 'full-gradients.safetensors');
  const weights = await readFixtureTensors(name, 'base', 'model.safetensors');
  const step = await createTrainStep(tunedModel(base, fullMethod), { threads: 1 });
  const values = new Map([...weights].map(([tensor, { values: data }]) => [tensor, data]));
  const { gradients } = await step.run(values, batch, { lossScale: 1 / batch.labelCount });
  await step.close();
  expect([...gradients.keys()].toSorted()).toEqual([...truth.keys()].toSorted());
  for (const [tensor, gradient] of gradients)
    expect(relativeDeviation(gradient, pick(truth, tensor)), tensor).toBeLessThan(bound);
});

it.each(['patterns', 'regex'])('PEFT agrees with how an adapter with %s is read', async (name) => {
  const base = await openBaseModel(fixturePath('llama-tiny', 'base'));
  const batch = batchOf(await readFixtureJson<HuggingFaceInputs>('llama-tiny', 'inputs.json'));
  const tensors = await readFixtureTensors('lora-patterns', 'expected.safetensors');
  const expected = (
    await readFixtureJson<Record<string, { scaling: Record<string, number> }>>('lora-patterns', 'expected.json')
  )[name];
  const { model, parameters, adapter } = await openAdapted(base, fixturePath('lora-patterns', name));
  const scalings = Object.fromEntries([...adapter.modules.values()].map(({ module, scaling }) => [module, scaling]));
  expect(scalings).toEqual(expected?.scaling);
  expect(relativeDeviation(await logits(model, parameters, batch), pick(tensors, `${name}.logits`))).toBeLessThan(
    bound,
  );
  const step = await createTrainStep(model, { threads: 1 });
  const { gradients } = await step.run(parameters, batch, { lossScale: 1 / batch.labelCount });
  await step.close();
  for (const [parameter, gradient] of gradients)
    expect(relativeDeviation(gradient, pick(tensors, `${name}.gradient.${parameter}`)), parameter).toBeLessThan(bound);
});

it.each([true, false])('batches made from rows (packing: %s) give the same loss and gradients', async (packing) => {
  const { base, inputs, expected, adapter, truth } = await openCase('llama-tiny');
  const rows = inputs.input_ids.map((ids, row) => ({
    tokens: Int32Array.from(ids),
    trained: Uint8Array.from(inputs.labels[row] ?? [], (label) => (label === -100 ? 0 : 1)),
  }));
  const batches = makeBatches(rows, [0, 1], { microBatchTokens: 1024, packing, packTokens: 64, lengthMax: 64 });
  expect(batches.map((batch) => [batch.rows, batch.length])).toEqual([packing ? [1, 32] : [2, 16]]);
  const { model, parameters } = await openAdapted(base, adapter);
  const step = await createTrainStep(model, { threads: 1 });
  for (const batch of batches) {
    const { lossSum, gradients } = await step.run(parameters, batch, { lossScale: 1 / expected.labelCount });
    expect(lossSum / expected.adapted.lossSum).toBeCloseTo(1, 5);
    for (const [parameter, gradient] of gradients)
      expect(relativeDeviation(gradient, truth(`gradient.${parameter}`)), parameter).toBeLessThan(bound);
  }
  await step.close();
});

it('a base in bfloat16 gives the logits that its rounded weights give', async () => {
  const base = await openBaseModel(fixturePath('merge', 'base-bf16'));
  const batch = batchOf(await readFixtureJson<HuggingFaceInputs>('llama-tiny', 'inputs.json'));
  const truth = pick(await readFixtureTensors('merge', 'base-bf16-logits.safetensors'), 'logits');
  expect(relativeDeviation(await logits(tunedModel(base), noParameters, batch), truth)).toBeLessThan(bound);
});

describe('the bound is tight enough to see', () => {
  const changed = (base: BaseModelFolder, config: Record<string, unknown>): BaseModelFolder => ({
    ...base,
    config: { ...base.config, ...config },
  });

  it.each([
    ['a sliding window that is one token longer', 'mistral-tiny', { sliding_window: 6 }],
    ['a sliding window that is one token shorter', 'mistral-tiny', { sliding_window: 4 }],
    ['a window on the first layer too', 'qwen2-window', { max_window_layers: 0, layer_types: undefined }],
    ['rotary scaling left out', 'llama-untied', { rope_scaling: null }],
    [
      'another high_freq_factor',
      'llama-untied',
      {
        rope_scaling: {
          rope_type: 'llama3',
          factor: 8,
          low_freq_factor: 1,
          high_freq_factor: 3,
          original_max_position_embeddings: 32,
        },
      },
    ],
    ['another epsilon in the norms', 'qwen2-tiny', { rms_norm_eps: 1e-3 }],
    ['another layer that turns', 'smollm3-tiny', { no_rope_layer_interval: 3 }],
    ['layers that turn and do not turn the wrong way round', 'smollm3-listed', { no_rope_layers: [1, 0] }],
    ['another window where nothing turns', 'smollm3-tiny', { sliding_window: 6 }],
    ['another scale of the scores', 'gemma3-tiny', { query_pre_attn_scalar: 21 }],
    ['the theta of the whole past for layers with a window', 'gemma3-tiny', { rope_local_base_freq: 1000 }],
    ['the scaling of the whole past left out', 'gemma3-tiny', { rope_scaling: null }],
    ['layers with a window and without the wrong way round', 'gemma3-tiny', { sliding_window_pattern: 1 }],
    ['short factors for a long text', 'phi3-long', { original_max_position_embeddings: 16 }],
  ])('%s', async (_, name, config) => {
    const { base, batch, truth } = await openCase(name);
    const values = await logits(tunedModel(changed(base, config)), noParameters, batch);
    expect(relativeDeviation(values, truth('logits'))).toBeGreaterThan(3 * bound);
  });

  const yarn = { factor: 4, betaFast: 1.5, betaSlow: 0.25, originalMaxPositions: 16 };
  it.each<[string, string, (spec: DecoderSpec) => Partial<DecoderSpec>]>([
    ['queries and keys that are not normalised', 'qwen3-tiny', () => ({ queryKeyNorm: false })],
    ['norms without the one', 'gemma3-tiny', () => ({ normFactor: 'weight' })],
    ['embeddings that are not scaled', 'gemma3-listed', () => ({ embeddingScale: 1 })],
    ['another activation', 'gemma3-listed', () => ({ activation: 'silu' })],
    [
      'a YaRN that does not multiply',
      'qwen3-yarn',
      ({ ropes }) => withScaling(ropes, { type: 'yarn', ...yarn, wholeBorders: false, magnitude: 1 }),
    ],
    [
      'a YaRN with whole borders',
      'qwen3-yarn',
      ({ ropes }) =>
        withScaling(ropes, { type: 'yarn', ...yarn, wholeBorders: true, magnitude: 1 + 0.1 * Math.log(4) }),
    ],
    [
      'a head that turns whole',
      'phi3-partial',
      ({ ropes }) => ({ ropes: ropes.map((rope) => rope && { ...rope, dim: 8 }) }),
    ],
  ])('%s', async (_, name, change) => {
    const { base, batch, truth } = await openCase(name);
    const model = tunedModel(base);
    const wrong = { ...model, spec: { ...model.spec, ...change(model.spec) } };
    expect(relativeDeviation(await logits(wrong, noParameters, batch), truth('logits'))).toBeGreaterThan(3 * bound);
  });

  it('an update that is scaled by a thousandth too much', async () => {
    const { base, batch, adapter, truth } = await openCase('llama-tiny');
    const { model, parameters } = await openAdapted(base, adapter, 1.001);
    expect(relativeDeviation(await logits(model, parameters, batch), truth('adapted_logits'))).toBeGreaterThan(bound);
  });

  it('packed rows that see each other', async () => {
    const { base, batch, truth } = await openCase('llama-tiny');
    const packed: Batch = {
      ...batch,
      rows: 1,
      length: batch.rows * batch.length,
      segments: batch.segments.map(() => 1n),
    };
    const values = await logits(tunedModel(base), noParameters, packed);
    expect(relativeDeviation(values, truth('logits'))).toBeGreaterThan(100 * bound);
  });
});

function withScaling(ropes: DecoderSpec['ropes'], scaling: RopeScaling): Pick<DecoderSpec, 'ropes'> {
  const [rope] = ropes;
  return { ropes: ropes.map(() => rope && { ...rope, scaling }) };
}

function sum(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
