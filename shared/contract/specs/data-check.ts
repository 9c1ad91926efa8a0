import { z } from 'zod';
import { limits } from '../../limits.ts';
import { pathField, rowsField } from './spec-fields.ts';

/** Checks a dataset against a base: format, tokens, rows over the context, duplicates, empty completions. */
export const dataCheckSpecSchema = z.strictObject({
  kind: z.literal('data-check'),
  base: pathField.describe('Folder of the base whose tokenizer and chat template are used.'),
  data: rowsField,
  contextTokens: z.int().min(1).optional().describe("Longest row in tokens; default and at most the base's context."),
  previewRows: z
    .int()
    .min(0)
    .max(limits.previewRowsMax)
    .default(0)
    .describe('Rows shown as text with what is trained in them.'),
});

export type DataCheckSpec = z.output<typeof dataCheckSpecSchema>;
