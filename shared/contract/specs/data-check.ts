import { z } from 'zod';
import { limits } from '../../limits.ts';
import { pathField } from './spec-fields.ts';

/** Checks a dataset against a base: format, tokens, rows over the context, duplicates, empty completions. */
export const dataCheckSpecSchema = z.strictObject({
  kind: z.literal('data-check'),
  /** Folder of the base whose tokenizer and chat template are used. */
  base: pathField,
  data: pathField,
  /** Longest row in tokens; default and at most the base's context. */
  contextTokens: z.int().min(1).optional(),
  /** Rows shown as text with what is trained in them. */
  previewRows: z.int().min(0).max(limits.previewRowsMax).default(0),
});

export type DataCheckSpec = z.output<typeof dataCheckSpecSchema>;
