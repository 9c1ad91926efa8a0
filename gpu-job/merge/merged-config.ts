import type { MergeDtype, MergePlan } from './merge-plan.ts';

const names: Readonly<Record<Exclude<MergeDtype, 'keep'>, string>> = {
  f32: 'float32',
  bf16: 'bfloat16',
  f16: 'float16',
};

/** `config.json` of the merged model: the base's, with the element type and the tying of the embeddings as they now are. */
export function mergedConfig(
  config: Readonly<Record<string, unknown>>,
  dtype: MergeDtype,
  plan: Pick<MergePlan, 'unties'>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...config };
  if (dtype !== 'keep') {
    // transformers 5 writes "dtype", older versions read "torch_dtype" alone
    merged['torch_dtype'] = names[dtype];
    if ('dtype' in config) merged['dtype'] = names[dtype];
  }
  if (plan.unties) merged['tie_word_embeddings'] = false;
  return merged;
}
