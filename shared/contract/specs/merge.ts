import { z } from 'zod';
import { pathField, threadsField } from './spec-fields.ts';

/** Merges an adapter into its base: a model folder that needs no adapter any more. */
export const mergeSpecSchema = z.strictObject({
  kind: z.literal('merge'),
  base: pathField,
  adapter: pathField.describe("Folder of a LoRA adapter in PEFT's layout."),
  dtype: z
    .enum(['keep', 'f32', 'bf16', 'f16'])
    .default('keep')
    .describe(
      "Element type of the written weights; `keep`: each tensor's own. bf16 rounds small updates away, and says how much.",
    ),
  maxShardBytes: z
    .int()
    .min(1)
    .default(5_000_000_000)
    .describe('Largest size of one weight file. 5 GB is what Hugging Face libraries write.'),
  output: pathField.describe('Folder of the merged model; it must not exist.'),
  threads: threadsField,
});

export type MergeSpec = z.output<typeof mergeSpecSchema>;
