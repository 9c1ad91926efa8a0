import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { adapterRefField, nameField, versionRefField } from './fields.ts';
import { generalField } from './specs/spec-fields.ts';

export const adapterVersion = {
  adapter: adapterRefField,
  version: versionRefField.default('latest').describe('Absent: `latest`.'),
};

/** As `evaluation.general` and `general` of a spec. */
export const generalRequest = z.strictObject({
  dataset: nameField.optional().describe('Rows of what the model should keep; absent: short texts that are built in.'),
  rowsMax: generalField.shape.rowsMax,
});

/** What a job may take at most. */
export const budget = z
  .strictObject({
    maxSeconds: z
      .number()
      .gt(0)
      .max(limits.jobSecondsMax)
      .optional()
      .describe('Machine time, all attempts together, after which it saves its work and ends.'),
    maxDollars: z.number().gt(0).max(1e6).optional().describe('The same in dollars, at the price of its machine.'),
  })
  .optional()
  .describe(
    'What it may take at most; with both, whichever is less. Absent: four times the estimate and ten minutes, an hour at least; where machines cost nothing, as long as any job may.',
  );
