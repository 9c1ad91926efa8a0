import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTrain } from '../../gpu-job/jobs/train.ts';
import { trainSpecSchema } from '../../shared/contract/specs/train.ts';
import { writeRandomBase } from '../support/random-base.ts';
import { compareWithPeft, type PeftComparison } from './peft.ts';
import { places } from './places.ts';

/** What is trained, by the config of its method. */
const variants = {
  DoRA: { use_dora: true, lora_dropout: 0.1 },
  PiSSA: { init_lora_weights: 'pissa', rank_pattern: { up_proj: 6 }, alpha_pattern: { up_proj: 3 } },
  OLoRA: { init_lora_weights: 'olora', use_rslora: true },
  embeddings: { target_modules: ['q_proj', 'embed_tokens', 'lm_head'] },
  'modules to save': { target_modules: ['v_proj', 'embed_tokens'], modules_to_save: ['lm_head', 'norm'] },
  gaussian: { init_lora_weights: 'gaussian' },
} as const;

const config = {
  model_type: 'qwen2',
  vocab_size: 2048,
  hidden_size: 96,
  intermediate_size: 160,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: true,
};

/** Trains a few steps of each variant on a random model, loads the results in PEFT and compares logits. */
export async function trainVariants(): Promise<(PeftComparison & { readonly name: string })[]> {
  const folder = join(places.cache, 'variants');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const [base, train] = [join(folder, 'base'), join(folder, 'rows.jsonl')];
  await writeRandomBase(base, config);
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await copyFile(join(places.root, 'examples', 'tiny-base', file), join(base, file));
  const rows = Array.from({ length: 48 }, (_, i) => ({
    prompt: `The number ${i} is`,
    completion: i % 2 === 0 ? ' even.' : ' odd.',
  }));
  await writeFile(train, rows.map((row) => JSON.stringify(row)).join('\n'));
  const ids = [Array.from({ length: 40 }, (_, i) => (i * 37) % config.vocab_size)];
  const results = [];
  for (const [name, method] of Object.entries(variants)) {
    const output = join(folder, name.replaceAll(' ', '-'));
    const settings = {
      method: { kind: 'lora', config: { r: 4, lora_alpha: 8, ...method } },
      steps: 12,
      batch: { rows: 8 },
    };
    const spec = {
      kind: 'train',
      base,
      output,
      data: { train },
      optimizer: { learningRate: 5e-3, loraPlusRatio: 4 },
      ...settings,
    };
    await runTrain(trainSpecSchema.parse(spec), {
      emit() {},
      stopRequested: () => false,
      now: () => performance.now(),
    });
    results.push({ name, ...(await compareWithPeft(base, output, ids)) });
  }
  await rm(folder, { recursive: true });
  return results;
}
