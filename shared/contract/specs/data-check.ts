import { z } from 'zod';
import { pathField } from './spec-fields.ts';

/** Checks a dataset against a base: format, tokens, rows over the context, duplicates, empty completions. */
export const dataCheckSpecSchema = z.strictObject({
  kind: z.literal('data-check'),
  /** Folder of the base whose tokenizer and chat template are used. */
  base: pathField,
  data: pathField,
  /** Longest row in tokens; default and at most the base's context. */
  contextTokens: z.int().min(1).optional(),
});

export type DataCheckSpec = z.output<typeof dataCheckSpecSchema>;
