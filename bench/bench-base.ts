/** Random weights in real shapes, kept in `.cache/bench`. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { qwenHalfBillionConfig, smolLm135Config, writeRandomBase } from '../test/support/random-base.ts';

/** Configs by the name of the model whose shape it is. */
export const benchShapes = {
  '60m': {
    ...smolLm135Config,
    vocab_size: 32_000,
    hidden_size: 512,
    intermediate_size: 1408,
    num_hidden_layers: 14,
    num_attention_heads: 8,
    num_key_value_heads: 4,
  },
  'smollm2-135m': smolLm135Config,
  'smollm2-360m': {
    ...smolLm135Config,
    hidden_size: 960,
    intermediate_size: 2560,
    num_hidden_layers: 32,
    num_attention_heads: 15,
    num_key_value_heads: 5,
  },
  'qwen2.5-0.5b': qwenHalfBillionConfig,
} as const;

export type BenchShape = keyof typeof benchShapes;
export type BenchDtype = 'F32' | 'BF16';

/** The folder of a base in this shape. It is written by a process of its own: what that takes is no part of the peak of what is measured. */
export async function benchBase(shape: BenchShape, dtype: BenchDtype): Promise<string> {
  const folder = join('.cache', 'bench', `${shape}-${dtype.toLowerCase()}`);
  if (!existsSync(join(folder, 'config.json')))
    await promisify(execFile)(process.execPath, ['--import', 'tsx', program, folder, shape, dtype]);
  return folder;
}

const program = fileURLToPath(import.meta.url);
const [, script, folder, shape, dtype] = process.argv;
if (script === program && folder !== undefined)
  await writeRandomBase(folder, benchShapes[shape as BenchShape], { dtype: dtype as BenchDtype }); // as `benchBase` calls it
