import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBaseModel, readTensorFloat32 } from '../../gpu-job/folders/base-model.ts';
import { fullMethod } from '../../gpu-job/methods/full.ts';
import { loraMethod } from '../../gpu-job/methods/lora.ts';
import { requireMethod, tunedModel, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { createSession, type Session, type TensorValue } from '../../gpu-job/runtime/session.ts';
import { ropeFeed } from '../../gpu-job/training/rope-feed.ts';
import { gradientName, trainGraph } from '../../gpu-job/training/step-graph.ts';
import { stepMemory, type StepMemory } from '../../gpu-job/training/step-memory.ts';
import { tinyLlamaConfig, uniform, writeRandomBase } from '../support/random-base.ts';

const [rows, length] = [2, 6];

/** Two rows of tokens: the first packs two segments and ignores two labels, the second ends in padding. */
const batch: Record<string, TensorValue> = {
  input_ids: integers([3, 10, 17, 24, 0, 7, 14, 21, 28, 4, 11, 0]),
  labels: integers([10, -100, 24, 2, 7, 30, 21, 28, 4, -100, -100, -100]),
  positions: integers([0, 1, 2, 0, 1, 2, 0, 1, 2, 3, 4, 0]),
  segments: integers([1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 0]),
};

const configs = {
  'a Llama with grouped queries': tinyLlamaConfig,
  'an untied Llama with biases, a window and scaled positions': {
    ...tinyLlamaConfig,
    model_type: 'mistral',
    sliding_window: 2,
    tie_word_embeddings: false,
    attention_bias: true,
    mlp_bias: true,
    rope_scaling: { rope_type: 'linear', factor: 4 },
  },
  'a Qwen2': { ...tinyLlamaConfig, model_type: 'qwen2' },
  'a Qwen3 with biases and YaRN': {
    ...tinyLlamaConfig,
    model_type: 'qwen3',
    attention_bias: true,
    rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16 },
  },
  'a SmolLM3 whose second layer does not turn and has a window': {
    ...tinyLlamaConfig,
    model_type: 'smollm3',
    no_rope_layer_interval: 2,
    use_sliding_window: true,
    sliding_window: 2,
  },
  'a Gemma 3 with a window in its first layer': {
    ...tinyLlamaConfig,
    model_type: 'gemma3_text',
    query_pre_attn_scalar: 6,
    sliding_window_pattern: 2,
    sliding_window: 2,
    rope_local_base_freq: 100,
  },
  'a Phi-3 that turns half of each head, as in long texts': {
    ...tinyLlamaConfig,
    model_type: 'phi3',
    partial_rotary_factor: 0.5,
    original_max_position_embeddings: 4,
    rope_scaling: { type: 'longrope', short_factor: [1], long_factor: [3] },
  },
};

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-gradients-'));
  for (const [name, config] of Object.entries(configs)) await writeRandomBase(join(folder, name), config);
});
afterAll(() => rm(folder, { recursive: true }));

/** Everything is kept, or computed again when it is needed. */
const memories: Readonly<Record<string, StepMemory>> = {
  'with all that the layers make kept': stepMemory.fast,
  'with layers computed again and logits in two parts': { ...stepMemory.lean, lossChunks: 2 },
};

describe.each(Object.keys(configs).flatMap((name) => Object.keys(memories).map((memory) => [name, memory] as const)))(
  '%s, %s,',
  (name, memory) => {
    test('has the LoRA gradients of central differences, dropout included', async () => {
      const model = tunedModel(await openBaseModel(join(folder, name)), (m) =>
        loraMethod(
          m,
          m.linears.map(({ module }, i) => ({ module, r: 1 + (i % 2), scaling: 1.5 })),
          0.3,
        ),
      );
      expect(await worstError(model, await randomParameters(model), memories[memory])).toBeLessThanOrEqual(1e-6);
    });

    test('has the gradients of central differences for every weight', async () => {
      const base = await openBaseModel(join(folder, name));
      const model = tunedModel(base, fullMethod);
      const weights = new Map<string, Float64Array>();
      for (const { name: tensor } of model.tensors)
        weights.set(tensor, Float64Array.from(await readTensorFloat32(base, tensor)));
      expect(await worstError(model, weights, memories[memory])).toBeLessThanOrEqual(1e-6);
    });
  },
);

test('the float32 graph with fused kernels agrees with the float64 graph', async () => {
  const model = tunedModel(await openBaseModel(join(folder, 'a Qwen2')), (m) =>
    loraMethod(
      m,
      m.linears.map(({ module }) => ({ module, r: 2, scaling: 2 })),
      0.5,
    ),
  );
  const values = await randomParameters(model);
  const exact = await open(model, 'float64');
  const fused = await open(model, 'float32');
  const [a, b] = [await exact.run(feeds(model, values, 'float64')), await fused.run(feeds(model, values, 'float32'))];
  for (const { name } of requireMethod(model).parameters) {
    const [x, y] = [a[gradientName(name)]?.data ?? [], b[gradientName(name)]?.data ?? []];
    expect(relativeError([...x].map(Number), [...y].map(Number)), name).toBeLessThan(1e-5); // float32 rounding over a dozen layers
  }
  await exact.close();
  await fused.close();
});

function integers(values: readonly number[]): TensorValue {
  return { data: BigInt64Array.from(values, BigInt), dims: [rows, length] };
}

const open = (
  model: TunedModel,
  float: 'float32' | 'float64',
  memory: StepMemory = stepMemory.fast,
): Promise<Session> =>
  createSession(trainGraph(model, memory, float), { float, weightsFolder: model.base.path, threads: 1 });

function randomParameters(model: TunedModel): Promise<Map<string, Float64Array>> {
  const random = uniform(7);
  return Promise.resolve(
    new Map(
      requireMethod(model).parameters.map(({ name, shape }) => [
        name,
        Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.6 * (random() - 0.5)),
      ]),
    ),
  );
}

function feeds(
  model: TunedModel,
  parameters: ReadonlyMap<string, Float64Array>,
  float: 'float32' | 'float64',
): Record<string, TensorValue> {
  const convert = (data: Float64Array): Float32Array | Float64Array =>
    float === 'float64' ? data : Float32Array.from(data);
  const tables = Object.entries(ropeFeed(model.spec)(length, batch['positions'] as TensorValue)).map(
    ([name, { data, dims }]) =>
      [
        name,
        data instanceof BigInt64Array ? { data, dims } : { data: convert(Float64Array.from(data)), dims },
      ] as const,
  );
  return {
    ...batch,
    ...Object.fromEntries(tables),
    loss_scale: { data: convert(Float64Array.of(1 / 8)), dims: [] },
    dropout_seed: { data: BigInt64Array.of(5n), dims: [] },
    ...Object.fromEntries(
      requireMethod(model).parameters.map(({ name, shape }) => [
        name,
        { data: convert(parameters.get(name) ?? new Float64Array()), dims: shape },
      ]),
    ),
  };
}

/** Worst relative error per tensor over at most 12 entries of each, spread over it. */
async function worstError(
  model: TunedModel,
  parameters: ReadonlyMap<string, Float64Array>,
  memory?: StepMemory,
): Promise<number> {
  const session = await open(model, 'float64', memory);
  const input = feeds(model, parameters, 'float64');
  const loss = async (): Promise<number> => Number((await session.run(input))['loss_sum']?.data[0]) / 8;
  const results = await session.run(input);
  let worst = 0;
  for (const [name, values] of parameters) {
    const gradient = results[gradientName(name)]?.data ?? [];
    const stride = Math.max(1, Math.floor(values.length / 12));
    const analytic: number[] = [];
    const numeric: number[] = [];
    for (let i = 0; i < values.length; i += stride) {
      const at = values[i] ?? 0;
      const step = 1e-5;
      values[i] = at + step;
      const above = await loss();
      values[i] = at - step;
      const below = await loss();
      values[i] = at;
      analytic.push(Number(gradient[i]));
      numeric.push((above - below) / (2 * step));
    }
    worst = Math.max(worst, relativeError(analytic, numeric));
  }
  await session.close();
  return worst;
}

function relativeError(a: readonly number[], b: readonly number[]): number {
  const scale = Math.max(1e-4, ...a.map(Math.abs), ...b.map(Math.abs));
  return Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN)))) / scale;
}
