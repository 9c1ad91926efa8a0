import { describe, expect, test } from 'vitest';
import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { configFindings } from '../../test/support/config-findings.ts';
import { decoderLinears, decoderTensors, outputEmbedding } from '../nn/decoder.ts';
import { ropeFrequencies, ropeTables } from '../nn/rotary.ts';
import { readModelConfig } from './registry.ts';

const llama = {
  model_type: 'llama',
  vocab_size: 128,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 256,
  rope_theta: 10_000,
  hidden_act: 'silu',
};
const mistral = { ...llama, model_type: 'mistral', sliding_window: 32 };
const qwen2 = { ...llama, model_type: 'qwen2', tie_word_embeddings: true };

/** A config that cannot be honoured, and what the message must name. */
const refusals: Readonly<Record<string, [Record<string, unknown>, RegExp]>> = {
  'an unknown architecture': [
    { ...llama, model_type: 'mamba' },
    /"mamba" is not supported; known are llama, mistral, qwen2, qwen3/,
  ],
  'no architecture': [{ hidden_size: 64 }, /model_type is missing/],
  'an unknown key': [{ ...llama, qk_norm: true }, /config\.json: qk_norm: This key is not known for Llama/],
  'a missing size': [{ ...llama, hidden_size: undefined }, /hidden_size: It is missing; expected a positive integer/],
  'heads that do not divide': [
    { ...llama, num_attention_heads: 5, num_key_value_heads: 5 },
    /5 heads do not divide hidden_size 64/,
  ],
  'key heads that do not divide': [{ ...llama, num_key_value_heads: 3 }, /3 does not divide num_attention_heads 4/],
  'another activation': [{ ...llama, hidden_act: 'gelu' }, /hidden_act: "gelu" is not one of silu/],
  'an unknown rope type': [
    { ...llama, rope_scaling: { rope_type: 'longrope', factor: 4 } },
    /"longrope" is not supported/,
  ],
  'two names for the rope type': [
    { ...llama, rope_scaling: { rope_type: 'linear', type: 'llama3', factor: 2 } },
    /contradicts rope_type "linear"/,
  ],
  'an unknown scaling key': [
    { ...llama, rope_scaling: { rope_type: 'linear', factor: 2, beta: 1 } },
    /rope_scaling\.beta: This key is not known/,
  ],
  'a linear scaling without factor': [
    { ...llama, rope_scaling: { type: 'linear' } },
    /rope_scaling\.factor: nothing is not a positive number/,
  ],
  'two thetas': [
    { ...llama, rope_parameters: { rope_theta: 500_000, rope_type: 'default' } },
    /10000 contradicts the 500000 of rope_parameters/,
  ],
  'interleaved rotation': [
    { ...llama, rope_interleaved: true },
    /rope_interleaved: Rotary embedding is computed on halves/,
  ],
  'an odd head': [{ ...llama, head_dim: 15 }, /15 is odd/],
  'a window on a Llama': [{ ...llama, sliding_window: 16 }, /sliding_window: This key is not known for Llama/],
  'a window that is on but has no length': [
    { ...qwen2, use_sliding_window: true },
    /use_sliding_window is true, but no length is given/,
  ],
  'layer types of another length': [{ ...qwen2, layer_types: ['full_attention'] }, /one type for each of the 2 layers/],
  'an unknown layer type': [
    { ...qwen2, layer_types: ['full_attention', 'linear_attention'] },
    /layer_types\[1\]: "linear_attention" is not known/,
  ],
};

describe('a config that cannot be honoured is refused by name', () => {
  for (const [name, [config, message]] of Object.entries(refusals))
    test(name, () => {
      expect(configFindings(config)).toMatch(message);
    });

  test('all that is wrong is said at once', () => {
    const message = configFindings({ ...llama, hidden_act: 'gelu', vocab_size: -1, novel: 1, num_key_value_heads: 3 });
    for (const key of ['hidden_act', 'vocab_size', 'novel', 'num_key_value_heads']) expect(message).toContain(key);
  });
});

test('keys that change nothing and keys without a value are accepted', () => {
  expect(
    configFindings({ ...llama, architectures: ['LlamaForCausalLM'], torch_dtype: 'bfloat16', use_cache: true }),
  ).toBe('accepted');
  expect(configFindings({ ...llama, rope_scaling: null, novel: null, head_dim: null, attention_bias: false })).toBe(
    'accepted',
  );
});

test('absent keys have the defaults of the architecture', () => {
  const spec = readModelConfig({ ...llama, num_key_value_heads: undefined });
  expect([spec.kvHeads, spec.headDim, spec.tiedEmbeddings, spec.windows]).toEqual([
    4,
    16,
    false,
    [undefined, undefined],
  ]);
});

test('windows: all layers of a Mistral, the upper layers of a Qwen2 that slides, or what layer_types says', () => {
  expect(readModelConfig(mistral).windows).toEqual([32, 32]);
  expect(readModelConfig({ ...mistral, sliding_window: null }).windows).toEqual([undefined, undefined]);
  expect(readModelConfig({ ...qwen2, sliding_window: 32, max_window_layers: 1 }).windows).toEqual([
    undefined,
    undefined,
  ]);
  const sliding = { ...qwen2, sliding_window: 32, use_sliding_window: true, max_window_layers: 1 };
  expect(readModelConfig(sliding).windows).toEqual([undefined, 32]);
  const listed = { ...sliding, layer_types: ['sliding_attention', 'full_attention'] };
  expect(readModelConfig(listed).windows).toEqual([32, undefined]);
});

test('a model lists its tensors and its linear modules in checkpoint names', () => {
  const spec = readModelConfig(qwen2);
  const names = decoderTensors(spec).map(({ name, shape }) => `${name} ${shape.join('x')}`);
  expect(names).toHaveLength(1 + 2 * (7 + 3 + 2) + 1);
  expect(names).toContain('model.layers.1.self_attn.k_proj.bias 32');
  expect(names).toContain('model.layers.0.mlp.down_proj.weight 64x96');
  expect(outputEmbedding(spec)).toBe('model.embed_tokens.weight');
  expect(outputEmbedding(readModelConfig(llama))).toBe('lm_head.weight');
  expect(decoderLinears(spec)).toHaveLength(14);
});

test('llama3 scaling keeps high frequencies, divides low ones and blends between', () => {
  const plain = ropeFrequencies({ dim: 64, theta: 500_000, scaling: { type: 'none' } });
  const scaled = ropeFrequencies({
    dim: 64,
    theta: 500_000,
    scaling: { type: 'llama3', factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaxPositions: 8192 },
  });
  expect(scaled[0]).toBe(plain[0]);
  expect((plain.at(-1) ?? 0) / (scaled.at(-1) ?? 1)).toBeCloseTo(8, 5);
  const ratios = scaled.map((frequency, i) => (plain[i] ?? 0) / frequency);
  expect(ratios.some((ratio) => ratio > 1.01 && ratio < 7.9)).toBe(true);
  expect(ratios).toEqual(ratios.toSorted((a, b) => a - b));
});

test('tables hold the cosine and sine of position times frequency', () => {
  const { cos, sin } = ropeTables({ dim: 4, theta: 100, scaling: { type: 'linear', factor: 2 } }, 3);
  expect([...cos].map((x) => x.toFixed(5))).toEqual(
    [1, 1, Math.cos(0.5), Math.cos(0.05), Math.cos(1), Math.cos(0.1)].map((x) => x.toFixed(5)),
  );
  expect(sin[2]).toBeCloseTo(Math.sin(0.5), 6);
});

test('a model has as many layers as the limit, and not one more', () => {
  expect(readModelConfig({ ...llama, num_hidden_layers: limits.modelLayersMax }).layers).toBe(limits.modelLayersMax);
  expect(() => readModelConfig({ ...llama, num_hidden_layers: limits.modelLayersMax + 1 })).toThrow(/1025 layers/);
  expect(() => readModelConfig({ ...llama, num_hidden_layers: 2 ** 40 })).toThrow(DomainError);
});
