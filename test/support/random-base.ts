import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../gpu-job/folders/files.ts';
import { describeModel } from '../../gpu-job/methods/tuned-model.ts';
import type { ModelShape } from '../../shared/domain/model-shape.ts';
import { encodeFromFloat32 } from '../../shared/formats/dtype.ts';
import { writeSafetensors } from '../../shared/formats/safetensors-write.ts';

/** Writes a model folder with random weights in the shape of a config: for tests and for timing, where learning does not matter. */
export async function writeRandomBase(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  options: { readonly dtype?: 'F32' | 'F16' | 'BF16'; readonly seed?: number } = {},
): Promise<void> {
  const { dtype = 'F32', seed = 1 } = options;
  const random = uniform(seed);
  await mkdir(folder, { recursive: true });
  const tensors = describeModel(config).tensors.map(({ name, shape, kind }) => ({
    name,
    dtype,
    shape,
    bytes: () => {
      const count = shape.reduce((product, dim) => product * dim, 1);
      const spread = Math.sqrt(3 / (shape[1] ?? 100)); // uniform with variance 1 / in
      const values = Float32Array.from(
        { length: count },
        () => (kind === 'norm' ? 1 : 0) + spread * (2 * random() - 1),
      );
      return Promise.resolve(encodeFromFloat32(dtype, values));
    },
  }));
  await writeFileAtomic(join(folder, 'model.safetensors'), (sink) => writeSafetensors(sink, tensors));
  await writeFileAtomic(join(folder, 'config.json'), JSON.stringify(config, null, 2));
}

/** A small generator of uniform numbers in [0, 1) (mulberry32), the same everywhere. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A Llama config small enough for finite differences. */
export const tinyLlamaConfig = {
  model_type: 'llama',
  vocab_size: 31,
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  head_dim: 4,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 64,
  rope_theta: 10_000,
  tie_word_embeddings: true,
} as const;

/** The shape of SmolLM2-135M. */
export const smolLm135Config = {
  model_type: 'llama',
  vocab_size: 49_152,
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 8192,
  rope_theta: 100_000,
  tie_word_embeddings: true,
} as const;

/** What `modelShape` says of it. */
export const smolLm135Shape: ModelShape = {
  layers: 30,
  hidden: 576,
  queries: 576,
  keyValue: 192,
  headSize: 64,
  intermediate: 1536,
  vocabulary: 49_152,
  tied: true,
};

/** The sizes of Qwen2.5-0.5B, with the rope of the above. */
export const qwenHalfBillionConfig = {
  ...smolLm135Config,
  model_type: 'qwen2',
  vocab_size: 151_936,
  hidden_size: 896,
  intermediate_size: 4864,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
} as const;
