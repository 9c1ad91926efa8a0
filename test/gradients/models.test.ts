import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBaseModel, readTensorFloat32 } from '../../gpu-job/folders/base-model.ts';
import { fullMethod } from '../../gpu-job/methods/full.ts';
import { loraMethod } from '../../gpu-job/methods/lora.ts';
import { requireMethod, tunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { quantizeFolder } from '../../gpu-job/quantize/quantize-folder.ts';
import { gradientName } from '../../gpu-job/training/step-graph.ts';
import { stepMemory, type StepMemory } from '../../shared/domain/step-memory.ts';
import { feeds, open, randomParameters, relativeError, worstError } from '../support/model-gradients.ts';
import { tinyLlamaConfig, writeRandomBase } from '../support/random-base.ts';

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
  'with layers computed again and logits in two parts': { recompute: true, prepack: false, lossChunks: 2 },
  'with attention in blocks, the last of them short': { ...stepMemory.fast, attentionBlock: 4 },
};

describe.each(Object.keys(configs).flatMap((name) => Object.keys(memories).map((memory) => [name, memory] as const)))(
  '%s, %s,',
  (name, memory) => {
    test('has the LoRA gradients of central differences, dropout included', async () => {
      const model = tunedModel(await openBaseModel(join(folder, name)), (m) =>
        loraMethod(
          m,
          m.linears.map(({ module }, i) => ({ module, r: 1 + (i % 2), scaling: 1.5 })),
          { dropout: 0.3 },
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

describe.each(['nf4', 'u4'] as const)('a Llama whose linear modules are packed as %s', (type) => {
  test.each(Object.keys(memories).slice(0, 2))('has the LoRA gradients of central differences, %s', async (memory) => {
    const at = join(folder, `packed ${type} ${memory}`);
    const sizes = {
      hidden_size: 64,
      intermediate_size: 64,
      num_attention_heads: 4,
      head_dim: 16,
      num_hidden_layers: 1,
    };
    await writeRandomBase(`${at} float`, { ...tinyLlamaConfig, ...sizes });
    await quantizeFolder(`${at} float`, at, { type, blockSize: 32 });
    const model = tunedModel(await openBaseModel(at), (m) =>
      loraMethod(
        m,
        m.linears.map(({ module }) => ({ module, r: 1, scaling: 1.5 })),
      ),
    );
    expect(await worstError(model, await randomParameters(model), memories[memory])).toBeLessThanOrEqual(1e-6);
  });
});

test('attention in blocks gives the numbers of attention at once, in layers that are computed again too', async () => {
  const base = await openBaseModel(join(folder, 'a SmolLM3 whose second layer does not turn and has a window'));
  const model = tunedModel(base, (m) =>
    loraMethod(
      m,
      m.linears.map(({ module }) => ({ module, r: 2, scaling: 2 })),
    ),
  );
  const values = await randomParameters(model);
  const results = async (memory: StepMemory): Promise<number[]> => {
    const session = await open(model, 'float64', memory);
    const found = await session.run(feeds(model, values, 'float64'));
    await session.close();
    return Object.keys(found)
      .toSorted()
      .flatMap((name) => [...(found[name]?.data ?? [])].map(Number));
  };
  const atOnce = await results(stepMemory.fast);
  for (const attentionBlock of [1, 2, 4, 6, 64]) {
    const inBlocks = await results({ ...stepMemory.lean, lossChunks: 2, attentionBlock });
    expect(relativeError(atOnce, inBlocks), `blocks of ${attentionBlock}`).toBeLessThan(1e-12);
  }
});

test('the float32 graph with fused kernels agrees with the float64 graph', async () => {
  const model = tunedModel(await openBaseModel(join(folder, 'a Qwen2')), (m) =>
    loraMethod(
      m,
      m.linears.map(({ module }) => ({ module, r: 2, scaling: 2 })),
      { dropout: 0.5 },
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
