import { describe, expect, test } from 'vitest';
import { configFindings } from '../../test/support/config-findings.ts';
import { decoderLinears, decoderTensors } from '../nn/decoder.ts';
import { readModelConfig } from './registry.ts';

const sizes = {
  vocab_size: 128,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
};
const qwen3 = { ...sizes, model_type: 'qwen3' };
const smollm3 = { ...sizes, model_type: 'smollm3' };
const gemma3 = { ...sizes, model_type: 'gemma3_text', sliding_window: 32 };
const phi3 = { ...sizes, model_type: 'phi3' };
const longrope = { type: 'longrope', short_factor: Array(8).fill(1), long_factor: Array(8).fill(2) };

/** A config that cannot be honoured, and what the message must name. */
const refusals: Readonly<Record<string, [Record<string, unknown>, RegExp]>> = {
  'a Qwen3 with experts': [{ ...qwen3, num_experts: 8 }, /num_experts: This key is not known for Qwen3/],
  'a Qwen3 whose window has no length': [{ ...qwen3, use_sliding_window: true }, /true, but no length is given/],
  'a list of other values than 0 and 1': [
    { ...smollm3, no_rope_layers: [1, 1, 1, 2] },
    /no_rope_layers: .* the 4 layers/,
  ],
  'a list of too few layers': [{ ...smollm3, no_rope_layers: [1, 0] }, /no_rope_layers: .* the 4 layers/],
  'an interval of no layers': [
    { ...smollm3, no_rope_layer_interval: 0 },
    /no_rope_layer_interval: 0 is not a positive/,
  ],
  'soft-capped logits': [{ ...gemma3, final_logit_softcapping: 30 }, /final_logit_softcapping: Soft-capping is not/],
  'soft-capped scores': [{ ...gemma3, attn_logit_softcapping: 50 }, /attn_logit_softcapping: Soft-capping is not/],
  'attention that looks ahead': [{ ...gemma3, use_bidirectional_attention: true }, /Attention looks back only/],
  'an image model': [
    { ...gemma3, model_type: 'gemma3', text_config: {} },
    /"gemma3" is not supported; known are llama/,
  ],
  'a Gemma with another activation': [
    { ...gemma3, hidden_activation: 'silu' },
    /"silu" is not one of gelu_pytorch_tanh/,
  ],
  'two activations': [{ ...gemma3, hidden_act: 'gelu' }, /hidden_act: "gelu" is not one of gelu_pytorch_tanh/],
  'a rope for no kind of layer': [
    { ...gemma3, rope_parameters: { rope_theta: 1e6, rope_type: 'default' } },
    /rope_parameters\.rope_theta: It must hold full_attention and sliding_attention/,
  ],
  'two thetas of one kind of layer': [
    { ...gemma3, rope_local_base_freq: 1e4, rope_parameters: { sliding_attention: { rope_theta: 1e5 } } },
    /rope_local_base_freq: 10000 contradicts the 100000 of rope_parameters\.sliding_attention/,
  ],
  'YaRN on a Gemma': [
    { ...gemma3, rope_scaling: { type: 'yarn', factor: 4 } },
    /"yarn" is not supported; known are default, linear/,
  ],
  'a Phi-3 with biases': [{ ...phi3, attention_bias: true }, /attention_bias: The projections of Phi-3 have no biases/],
  'an output embedding with a bias': [
    { ...phi3, lm_head_bias: true },
    /lm_head_bias: The projections of Phi-3 have no/,
  ],
  'attention that is whole in some layers only': [{ ...phi3, full_attn_mod: 2 }, /full_attn_mod: Only 1 is known/],
  'YaRN on a Phi-3': [
    { ...phi3, rope_scaling: { type: 'yarn', factor: 4 } },
    /"yarn" is not supported; known are default, longrope/,
  ],
  'factors for another number of frequencies': [
    { ...phi3, partial_rotary_factor: 0.5, rope_scaling: longrope },
    /rope_scaling\.short_factor: \[1,1,1,1,1,1,1,1\] is not a list of 4 positive numbers/,
  ],
  'two lengths that a model was trained with': [
    {
      ...phi3,
      original_max_position_embeddings: 64,
      rope_scaling: { ...longrope, original_max_position_embeddings: 32 },
    },
    /rope_scaling\.original_max_position_embeddings: 32 contradicts the 64/,
  ],
  'two parts of a head that turn': [
    { ...phi3, partial_rotary_factor: 0.5, rope_parameters: { rope_type: 'default', partial_rotary_factor: 0.25 } },
    /partial_rotary_factor: 0\.25 of the rope's entry is not 0\.5/,
  ],
  'an odd part of a head': [{ ...phi3, partial_rotary_factor: 0.6 }, /partial_rotary_factor: 0\.6 of 16 is 9; rotary/],
  'more than a whole head': [{ ...phi3, partial_rotary_factor: 1.5 }, /1\.5 is more than the whole head/],
};

describe('what a newer architecture cannot honour is refused by name', () => {
  for (const [name, [config, message]] of Object.entries(refusals))
    test(name, () => {
      expect(configFindings(config)).toMatch(message);
    });
});

/** The keys that stand in published configs, beside those of `sizes`. */
const published: Readonly<Record<string, object>> = {
  'Qwen3-0.6B': {
    ...qwen3,
    attention_bias: false,
    head_dim: 128,
    max_window_layers: 28,
    rope_scaling: null,
    rope_theta: 1_000_000,
    sliding_window: null,
    tie_word_embeddings: true,
    use_sliding_window: false,
  },
  'SmolLM3-3B': {
    ...smollm3,
    layer_types: Array(4).fill('full_attention'),
    max_window_layers: 28,
    no_rope_layer_interval: 4,
    no_rope_layers: [1, 1, 1, 0],
    pretraining_tp: 2,
    rope_scaling: null,
    rope_theta: 5_000_000,
    sliding_window: null,
    use_sliding_window: false,
  },
  'gemma-3-1b-it': {
    ...gemma3,
    attn_logit_softcapping: null,
    cache_implementation: 'hybrid',
    final_logit_softcapping: null,
    hidden_activation: 'gelu_pytorch_tanh',
    query_pre_attn_scalar: 256,
    rope_local_base_freq: 10_000,
    rope_scaling: null,
    rope_theta: 1_000_000,
    sliding_window_pattern: 6,
  },
  'Phi-4-mini-instruct': {
    ...phi3,
    attention_bias: false,
    embd_pdrop: 0,
    full_attn_mod: 1,
    head_dim: 16,
    interpolate_factor: 1,
    lm_head_bias: false,
    mlp_bias: false,
    original_max_position_embeddings: 64,
    partial_rotary_factor: 0.75,
    resid_pdrop: 0,
    rope_scaling: { type: 'longrope', short_factor: Array(6).fill(1), long_factor: Array(6).fill(2) },
    sliding_window: 262_144,
    tie_word_embeddings: true,
  },
};

test.each(Object.entries(published))('a config with the keys of %s is accepted', (_, config) => {
  expect(configFindings({ ...config })).toBe('accepted');
});

test('a Qwen3 has heads of 128 where it does not say, and normalises them', () => {
  const spec = readModelConfig(qwen3);
  expect([spec.headDim, spec.queryKeyNorm, spec.tiedEmbeddings]).toEqual([128, true, false]);
  const shapes = new Map(decoderTensors(spec).map(({ name, shape }) => [name, shape]));
  expect(shapes.get('model.layers.3.self_attn.q_norm.weight')).toEqual([128]);
  expect(shapes.get('model.layers.3.self_attn.o_proj.weight')).toEqual([64, 512]);
});

test('each fourth layer of a SmolLM3 does not turn and has the window, or what the lists say', () => {
  const turning = (config: object): boolean[] =>
    readModelConfig({ ...smollm3, ...config }).ropes.map((rope) => rope !== undefined);
  expect(turning({})).toEqual([true, true, true, false]);
  expect(turning({ no_rope_layer_interval: 2 })).toEqual([true, false, true, false]);
  expect(turning({ no_rope_layers: [0, 1, 1, 0, 1], no_rope_layer_interval: 2 })).toEqual([false, true, true, false]);
  const sliding = { ...smollm3, use_sliding_window: true, sliding_window: 8 };
  expect(readModelConfig(sliding).windows).toEqual([undefined, undefined, undefined, 8]);
  const listed = ['sliding_attention', 'full_attention', 'full_attention', 'full_attention'];
  expect(readModelConfig({ ...sliding, layer_types: listed }).windows).toEqual([8, undefined, undefined, undefined]);
  expect(readModelConfig({ ...smollm3, sliding_window: 8 }).windows).toEqual(Array(4).fill(undefined));
  expect(readModelConfig(smollm3)).toMatchObject({
    tiedEmbeddings: true,
    ropes: [{ theta: 2_000_000 }, {}, {}, undefined],
  });
});

test('a Gemma 3 has a theta for either kind of layer, and scales only what sees the whole past', () => {
  const spec = readModelConfig({ ...gemma3, sliding_window_pattern: 2, rope_scaling: { type: 'linear', factor: 8 } });
  expect(spec.windows).toEqual([32, undefined, 32, undefined]);
  expect(spec.ropes[1]).toEqual({ dim: 256, theta: 1_000_000, scaling: { type: 'linear', factor: 8 } });
  expect(spec.ropes[0]).toEqual({ dim: 256, theta: 10_000, scaling: { type: 'none' } });
  expect(spec.ropes[2]).toBe(spec.ropes[0]);
  expect(readModelConfig(gemma3).windows).toEqual(Array(4).fill(32));
  expect(spec).toMatchObject({ attentionScale: 1 / 16, embeddingScale: 8, tiedEmbeddings: true, normsAfter: true });
});

test('the modules of a Phi-3 are fused, and its norms the usual ones', () => {
  const spec = readModelConfig({ ...phi3, rope_scaling: longrope, original_max_position_embeddings: 64 });
  expect(
    decoderLinears(spec)
      .slice(0, 4)
      .map(({ module, outFeatures }) => [module, outFeatures]),
  ).toEqual([
    ['model.layers.0.self_attn.qkv_proj', 128],
    ['model.layers.0.self_attn.o_proj', 64],
    ['model.layers.0.mlp.gate_up_proj', 192],
    ['model.layers.0.mlp.down_proj', 64],
  ]);
  expect(spec.ropes[0]?.scaling).toMatchObject({
    originalMaxPositions: 64,
    magnitude: Math.sqrt(1 + Math.log(4) / Math.log(64)),
  });
  expect(decoderTensors(spec)).toHaveLength(2 + 4 * (4 + 2) + 1);
});
