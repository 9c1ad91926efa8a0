import { qwenHalfBillionConfig, smolLm135Config } from '../test/support/random-base.ts';

const sixty = {
  ...smolLm135Config,
  vocab_size: 32_000,
  hidden_size: 512,
  intermediate_size: 1408,
  num_hidden_layers: 14,
  num_attention_heads: 8,
  num_key_value_heads: 4,
};
const smolLm360 = {
  ...smolLm135Config,
  hidden_size: 960,
  intermediate_size: 2560,
  num_hidden_layers: 32,
  num_attention_heads: 15,
  num_key_value_heads: 5,
};
const shapes = {
  '60m': sixty,
  'smollm2-135m': smolLm135Config,
  'smollm2-360m': smolLm360,
  'qwen2.5-0.5b': qwenHalfBillionConfig,
} as const;

type Case = readonly [keyof typeof shapes, 'F32' | 'BF16', number, number, number, 'fast' | 'lean'];

/** Shape, stored type, rank, rows, tokens of a row, memory. */
const cases: readonly Case[] = [
  ['60m', 'F32', 8, 1, 512, 'fast'],
  ['60m', 'BF16', 16, 4, 256, 'lean'],
  ['smollm2-135m', 'F32', 16, 1, 128, 'fast'],
  ['smollm2-135m', 'F32', 16, 1, 512, 'fast'],
  ['smollm2-135m', 'F32', 16, 4, 256, 'fast'],
  ['smollm2-135m', 'F32', 16, 1, 512, 'lean'],
  ['smollm2-135m', 'BF16', 8, 1, 512, 'lean'],
  ['smollm2-135m', 'BF16', 64, 4, 256, 'lean'],
  ['smollm2-135m', 'BF16', 16, 1, 2048, 'lean'],
  ['smollm2-360m', 'BF16', 16, 1, 256, 'fast'],
  ['qwen2.5-0.5b', 'BF16', 16, 1, 512, 'lean'],
];

/** What `estimate` predicts and measures, LoRA on all linear layers. */
export const estimateCases = cases.map(([shape, dtype, rank, rows, length, memory]) => ({
  name: `${shape} ${dtype} r=${rank} ${rows}x${length} ${memory}`,
  config: shapes[shape],
  shape,
  dtype,
  rank,
  rows,
  length,
  memory,
}));
