import { benchShapes, type BenchDtype, type BenchShape } from './bench-base.ts';

type Case = readonly [BenchShape, BenchDtype, number, number, number, 'fast' | 'lean'];

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
  config: benchShapes[shape],
  shape,
  dtype,
  rank,
  rows,
  length,
  memory,
}));
