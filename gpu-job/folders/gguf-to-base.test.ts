import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DomainError } from '../../shared/errors.ts';
import { loadTokenizer } from '../../shared/text/tokenizer.ts';
import { writeGguf, type GgufInput, type GgufTensorInput } from '../../test/support/write-gguf.ts';
import { openBaseModel, readTensorFloat32, type BaseModelFolder } from './base-model.ts';
import { readJsonFile } from './files.ts';
import { ggufToBase } from './gguf-to-base.ts';

/** A tiny Llama that transformers wrote: 4 heads, 2 of keys, 16 dimensions a head, 48 hidden. */
const original = fileURLToPath(new URL('../../test/parity/fixtures/llama-tiny/base', import.meta.url));

let base: BaseModelFolder;
let metadata: Record<string, GgufInput>;
let tensors: Record<string, GgufTensorInput>;
let folder: string;

beforeAll(async () => {
  base = await openBaseModel(original);
  metadata = describeForGguf(base.config);
  tensors = {};
  for (const [name, { shape }] of base.tensors) {
    const values = await readTensorFloat32(base, name);
    const heads = name.includes('q_proj') ? 4 : name.includes('k_proj') ? 2 : undefined;
    tensors[ggufName(name)] = { shape, values: heads === undefined ? values : permute(values, heads, shape[1] ?? 1) };
  }
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-'));
});
afterEach(() => rm(folder, { recursive: true }));

const uint32 = (value: unknown): GgufInput => ({ uint32: value as number });

function describeForGguf(config: Readonly<Record<string, unknown>>): Record<string, GgufInput> {
  // A few ASCII characters, the space as GPT-2's alphabet spells it, and two merges.
  const letters = Array.from({ length: 84 }, (_, i) => String.fromCharCode(43 + i));
  const tokens = ['<s>', '</s>', 'Ġ', ...letters, 'th', 'the'];
  return {
    'general.architecture': 'llama',
    'llama.block_count': uint32(config['num_hidden_layers']),
    'llama.context_length': uint32(config['max_position_embeddings']),
    'llama.embedding_length': uint32(config['hidden_size']),
    'llama.feed_forward_length': uint32(config['intermediate_size']),
    'llama.attention.head_count': uint32(config['num_attention_heads']),
    'llama.attention.head_count_kv': uint32(config['num_key_value_heads']),
    'llama.attention.key_length': uint32(config['head_dim']),
    'llama.attention.value_length': uint32(config['head_dim']),
    'llama.rope.dimension_count': uint32(config['head_dim']),
    'llama.rope.freq_base': { float32: config['rope_theta'] as number },
    'llama.attention.layer_norm_rms_epsilon': { float32: config['rms_norm_eps'] as number },
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'smollm',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': { int32s: tokens.map((_, id) => (id < 2 ? 3 : 1)) },
    'tokenizer.ggml.merges': ['t h', 'th e'],
    'tokenizer.ggml.bos_token_id': { uint32: 0 },
    'tokenizer.ggml.eos_token_id': { uint32: 1 },
    'tokenizer.chat_template': '{{ messages[0].content }}',
  };
}

function ggufName(name: string): string {
  const parts: [string, string][] = [
    ['model.embed_tokens', 'token_embd'],
    ['lm_head', 'output'],
    ['model.norm', 'output_norm'],
    ['model.layers', 'blk'],
    ['input_layernorm', 'attn_norm'],
    ['post_attention_layernorm', 'ffn_norm'],
    ['self_attn.o_proj', 'attn_output'],
    ['self_attn.', 'attn_'],
    ['mlp.', 'ffn_'],
    ['_proj', ''],
  ];
  return parts.reduce((result, [from, to]) => result.replace(from, to), name);
}

/** What llama.cpp's converter does: [heads, 2, d/2, columns] -> [heads, d/2, 2, columns]. */
function permute(values: Float32Array, heads: number, columns: number): Float32Array {
  const half = values.length / columns / heads / 2;
  const out: number[] = [];
  for (let head = 0; head < heads; head++)
    for (let j = 0; j < half; j++)
      for (const side of [0, 1]) {
        const row = head * 2 * half + side * half + j;
        out.push(...values.subarray(row * columns, (row + 1) * columns));
      }
  return Float32Array.from(out);
}

async function convert(
  change: { metadata?: Record<string, GgufInput>; tensors?: Record<string, GgufTensorInput> } = {},
  options: Parameters<typeof ggufToBase>[2] = {},
): Promise<BaseModelFolder> {
  const path = join(folder, 'm.gguf');
  await writeFile(path, writeGguf(change.metadata ?? metadata, change.tensors ?? tensors));
  await ggufToBase(path, join(folder, 'base'), options);
  return openBaseModel(join(folder, 'base'));
}

async function findingsOf(
  change: Parameters<typeof convert>[0],
  options?: Parameters<typeof convert>[1],
): Promise<string[]> {
  try {
    await convert(change, options);
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    expect(await readdir(folder)).toEqual(['m.gguf']);
    return error.findings.map((finding) => finding.where ?? '');
  }
}

describe('ggufToBase refuses', () => {
  it('other architectures by name, mixtures, and partial rotation, all at once', async () => {
    const changed = {
      ...metadata,
      'general.architecture': 'gemma',
      'llama.expert_count': { uint32: 8 },
      'llama.rope.dimension_count': { uint32: 8 },
      'llama.rope.scaling.type': 'yarn',
    };
    expect(await findingsOf({ metadata: changed })).toEqual([
      'general.architecture',
      'llama.rope.dimension_count',
      'llama.expert_count',
      'llama.rope.scaling.type',
    ]);
  });

  it('tensors that are missing, misshapen or without a place', async () => {
    const { 'blk.0.attn_q.weight': moved, ...rest } = tensors;
    if (!moved) throw new Error('there is a q');
    const changed = {
      ...rest,
      'blk.0.attn_q.bias': { shape: [64], values: new Float32Array(64) },
      'output_norm.weight': { shape: [24], values: new Float32Array(24) },
    };
    expect(await findingsOf({ tensors: changed })).toEqual([
      'output_norm.weight',
      'blk.0.attn_q.weight',
      'blk.0.attn_q.bias',
    ]);
  });

  it("rotary factors that are not Llama 3's", async () => {
    const changed = {
      ...tensors,
      'rope_freqs.weight': { shape: [8], values: Float32Array.of(1, 1, 1, 2, 3, 4, 5, 6) },
    };
    expect(await findingsOf({ tensors: changed })).toEqual(['rope_freqs.weight']);
  });

  it('values that the asked type cannot hold, leaving nothing behind', async () => {
    const changed = { ...tensors, 'output_norm.weight': { shape: [48], values: new Float32Array(48).fill(1e6) } };
    await expect(convert({ tensors: changed }, { dtype: 'F16' })).rejects.toThrow(
      /value 0 of output_norm\.weight is 1000000/,
    );
    expect(await readdir(folder)).toEqual(['m.gguf']);
  });
});

describe('ggufToBase', () => {
  it('gives back every tensor and setting of the model that the file was made from', async () => {
    const converted = await convert();
    expect([...converted.tensors.keys()].toSorted()).toEqual([...base.tensors.keys()].toSorted());
    for (const [name, { shape }] of base.tensors) {
      expect(converted.tensors.get(name)?.shape).toEqual(shape);
      expect(await readTensorFloat32(converted, name)).toEqual(await readTensorFloat32(base, name));
    }
    const keys = ['model_type', 'architectures', 'vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers'];
    keys.push(
      'num_attention_heads',
      'num_key_value_heads',
      'head_dim',
      'rope_theta',
      'rms_norm_eps',
      'tie_word_embeddings',
    );
    keys.push('max_position_embeddings', 'hidden_act');
    for (const key of keys) expect([key, converted.config[key]]).toEqual([key, base.config[key]]);
    expect(converted.config).toMatchObject({ bos_token_id: 0, eos_token_id: 1, torch_dtype: 'float32' });
  });

  it('gives a tokenizer that splits, merges and recognises special tokens', async () => {
    await convert();
    const [tokenizerJson, tokenizerConfig] = await Promise.all(
      ['tokenizer.json', 'tokenizer_config.json'].map((name) => readJsonFile(join(folder, 'base', name))),
    );
    const tokenizer = loadTokenizer({ tokenizerJson, tokenizerConfig });
    const ids = tokenizer.encode('the th 12</s>');
    const tokens = metadata['tokenizer.ggml.tokens'] as string[];
    expect(ids.map((id) => tokens[id])).toEqual(['the', 'Ġ', 'th', 'Ġ', '1', '2', '</s>']);
    expect(tokenizer.decode(ids)).toBe('the th 12</s>');
    expect(tokenizerConfig).toMatchObject({ chat_template: '{{ messages[0].content }}' });
  });

  it('writes half precision and an untied output embedding where asked', async () => {
    const head = { shape: base.tensors.get('model.embed_tokens.weight')?.shape ?? [], values: new Float32Array() };
    head.values = Float32Array.from({ length: head.shape.reduce((a, b) => a * b, 1) }, (_, i) => i % 7);
    const converted = await convert({ tensors: { ...tensors, 'output.weight': head } }, { dtype: 'F16' });
    expect(converted.config).toMatchObject({ tie_word_embeddings: false, torch_dtype: 'float16' });
    expect(converted.tensors.get('lm_head.weight')?.dtype).toBe('F16');
    expect(await readTensorFloat32(converted, 'lm_head.weight')).toEqual(head.values);
  });

  it("recognises Llama 3's rotary factors and linear scaling", async () => {
    const changed = { ...metadata, 'llama.rope.freq_base': { float32: 500_000 } };
    // The factors of Llama 3.2 (factor 32, context 8192) for 16 dimensions, from its published formula.
    const factors = Array.from({ length: 8 }, (_, i) => {
      const wavelength = 2 * Math.PI * 500_000 ** (i / 8);
      if (wavelength < 8192 / 4) return 1;
      if (wavelength > 8192) return 32;
      const smooth = (8192 / wavelength - 1) / 3;
      return 1 / ((1 - smooth) / 32 + smooth);
    });
    const withFactors = { ...tensors, 'rope_freqs.weight': { shape: [8], values: Float32Array.from(factors) } };
    expect((await convert({ metadata: changed, tensors: withFactors })).config['rope_scaling']).toEqual({
      rope_type: 'llama3',
      factor: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    });
    await rm(join(folder, 'base'), { recursive: true });
    const linear = { ...metadata, 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': { float32: 4 } };
    expect((await convert({ metadata: linear })).config['rope_scaling']).toEqual({ rope_type: 'linear', factor: 4 });
  });
});
