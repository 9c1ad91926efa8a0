import { z } from 'zod';
import { limits } from '../../limits.ts';
import { longRowsField, pathField, seedField, threadsField } from './spec-fields.ts';

/** Measures a base, or a base with an adapter around it, on a dataset. A merged model is a base. */
export const evaluateSpecSchema = z.strictObject({
  kind: z.literal('evaluate'),
  base: pathField,
  /** Folder of a LoRA adapter in PEFT's layout. */
  adapter: pathField.optional(),
  /** JSONL: rows {"messages"}, {"prompt","completion"} or {"text"}. */
  data: pathField,
  /** Rows used, the first ones; absent: all. */
  rowsMax: z.int().min(1).optional(),
  /** Longest row in tokens; default and at most the base's context. */
  contextTokens: z.int().min(1).optional(),
  longRows: longRowsField,
  /** Tokens, padding included, that go through the model at once. */
  batchTokens: z.int().min(1).default(2048),
  /** Resamplings of the rows behind the 95% intervals; 1,000 steadies their ends to about a tenth of their width. */
  bootstrapSamples: z.int().min(100).max(limits.bootstrapSamplesMax).default(1000),
  /** JSON file for the report; absent: it is only returned. */
  output: pathField.optional(),
  seed: seedField,
  threads: threadsField,
});

export type EvaluateSpec = z.output<typeof evaluateSpecSchema>;
