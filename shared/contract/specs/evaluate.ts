import { z } from 'zod';
import { limits } from '../../limits.ts';
import {
  deviceField,
  generalField,
  longRowsField,
  pathField,
  rowsField,
  seedField,
  threadsField,
} from './spec-fields.ts';

/** Measures a base, or a base with an adapter around it, on a dataset. A merged model is a base. */
export const evaluateSpecSchema = z
  .strictObject({
    kind: z.literal('evaluate'),
    base: pathField,
    adapter: pathField.optional().describe("Folder of a LoRA adapter in PEFT's layout."),
    data: rowsField,
    rowsMax: z.int().min(1).optional().describe('Rows used, the first ones; absent: all.'),
    contextTokens: z.int().min(1).optional().describe("Longest row in tokens; default and at most the base's context."),
    longRows: longRowsField,
    batchTokens: z.int().min(1).default(2048).describe('Tokens, padding included, that go through the model at once.'),
    bootstrapSamples: z
      .int()
      .min(100)
      .max(limits.bootstrapSamplesMax)
      .default(1000)
      .describe(
        'Resamplings of the rows behind the 95% intervals; 1,000 steadies their ends to about a tenth of their width.',
      ),
    general: generalField
      .optional()
      .describe('Also scores the adapter at seven scales on the rows and on a general text; absent: it does not.'),
    output: pathField.optional().describe('JSON file for the report; absent: it is only returned.'),
    seed: seedField,
    threads: threadsField,
    device: deviceField,
  })
  .refine(({ adapter, general }) => general === undefined || adapter !== undefined, {
    error: 'is about an adapter: give one, or leave it out',
    path: ['general'],
    when: ({ value }) => typeof value === 'object' && value !== null,
  });

export type EvaluateSpec = z.output<typeof evaluateSpecSchema>;
