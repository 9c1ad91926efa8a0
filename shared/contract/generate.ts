import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { adapterRefField, nameField, versionRefField } from './fields.ts';
import { operation } from './operation.ts';
import { promptField, samplingFields, seedField } from './specs/spec-fields.ts';

export const generateText = operation({
  operationId: 'generateText',
  method: 'post',
  path: '/v1/generate',
  tag: 'generate',
  summary: 'Continues prompts now, with a model that is kept warm.',
  scope: 'adapters:read',
  body: z.strictObject({
    base: nameField.optional().describe('Absent: the base of the adapter.'),
    adapter: adapterRefField.optional(),
    version: versionRefField.default('latest'),
    prompts: z.array(promptField).min(1).max(limits.directPromptsMax),
    ...samplingFields,
    maxNewTokens: z.int().min(1).max(limits.directNewTokensMax).default(64),
    seed: seedField,
  }),
  output: z.object({
    base: z.string(),
    adapter: z.string().nullable(),
    version: z.int().nullable(),
    texts: z.array(
      z.object({ prompt: z.string(), text: z.string(), tokens: z.int(), end: z.enum(['stop', 'length']) }),
    ),
    seconds: z.number(),
  }),
  errors: [
    'no-such-base',
    'base-mismatch',
    'not-ready',
    'not-published',
    'withdrawn',
    'unusable',
    'model',
    'prompts',
    'not-available-here',
  ],
});
