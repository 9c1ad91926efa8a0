/** What `bench:gpu` runs: shapes of models with random weights, and what goes through them at once. */
import { qwenHalfBillionConfig, tinyLlamaConfig } from '../../test/support/random-base.ts';

export const gpuShapes = {
  '0.5B': qwenHalfBillionConfig,
  '1.5B': {
    ...qwenHalfBillionConfig,
    hidden_size: 1536,
    intermediate_size: 8960,
    num_hidden_layers: 28,
    num_attention_heads: 12,
    num_key_value_heads: 2,
  },
  '8B': {
    ...qwenHalfBillionConfig,
    model_type: 'llama',
    vocab_size: 128_256,
    hidden_size: 4096,
    intermediate_size: 14_336,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    tie_word_embeddings: false,
  },
} as const;

/** What stands in for all of them in a dry run. */
export const toyShapes = { toy: tinyLlamaConfig } as const;

export interface StepSize {
  readonly rows: number;
  readonly length: number;
}

export const gpuSizes: readonly StepSize[] = [
  { rows: 1, length: 2048 },
  { rows: 4, length: 1024 },
];
export const toySizes: readonly StepSize[] = [
  { rows: 1, length: 32 },
  { rows: 2, length: 16 },
];

export const sizeName = ({ rows, length }: StepSize): string => `${rows}x${length}`;
