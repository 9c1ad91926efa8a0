import { z } from '@hono/zod-openapi';
import { adapterPath } from './adapters.ts';
import { aliasField, idField, nameField, timeField } from './fields.ts';
import { operation } from './operation.ts';

const aliasPath = adapterPath.extend({ alias: aliasField });

/** Figures of an evaluation that a gate can ask for. */
export const gateMetrics = ['loss', 'perplexity', 'tokenAccuracy', 'exactMatch'] as const;

const bounds = {
  metric: z.enum(gateMetrics),
  min: z.number().optional().describe('The figure is at least this.'),
  max: z.number().optional().describe('The figure is at most this.'),
};

export const protectionSchema = z
  .object({
    gate: z
      .object({ ...bounds, dataset: z.string(), datasetId: idField, rows: z.int().describe('Rows that it has.') })
      .nullable()
      .describe('What an evaluation of the version must have shown; null: none is asked for.'),
    approval: z
      .boolean()
      .describe(
        'Whether somebody else than whoever promotes must have approved the version: another key, and all keys of a service account count as one.',
      ),
    protectedAt: timeField,
    protectedBy: z.string(),
  })
  .openapi('AliasProtection');
export type AliasProtection = z.output<typeof protectionSchema>;

export const protectAlias = operation({
  operationId: 'protectAlias',
  method: 'put',
  path: '/v1/adapters/{adapter}/aliases/{alias}/protection',
  tag: 'aliases',
  summary: 'Protects an alias, whether or not it is there yet: only a promotion moves it, by the rules that are given.',
  description:
    'No upload moves it along any more, and it is not removed. With `gate` a promotion names an evaluation that has shown the figure on all rows of the dataset; with `approval` somebody else has approved the version: another key, and not one of the same service account. A rollback goes by neither: it leads to where the alias was before.',
  scope: 'keys:admin',
  params: aliasPath,
  body: z.strictObject({
    gate: z
      .strictObject({ ...bounds, dataset: nameField })
      .refine(({ min, max }) => min !== undefined || max !== undefined, { error: 'a gate has "min", "max" or both' })
      .optional(),
    approval: z.boolean().default(false),
  }),
  output: protectionSchema,
  errors: ['alias-reserved', 'too-many-aliases', 'no-such-dataset', 'not-ready'],
});

export const getProtection = operation({
  operationId: 'getProtection',
  method: 'get',
  path: '/v1/adapters/{adapter}/aliases/{alias}/protection',
  tag: 'aliases',
  summary: 'The rules by which a protected alias is moved.',
  scope: 'adapters:read',
  params: aliasPath,
  output: protectionSchema,
});

export const unprotectAlias = operation({
  operationId: 'unprotectAlias',
  method: 'delete',
  path: '/v1/adapters/{adapter}/aliases/{alias}/protection',
  tag: 'aliases',
  summary: 'Takes the protection of an alias away.',
  scope: 'keys:admin',
  status: 204,
  params: aliasPath,
});

export const approveVersion = operation({
  operationId: 'approveVersion',
  method: 'post',
  path: '/v1/adapters/{adapter}/aliases/{alias}/approve',
  tag: 'aliases',
  summary: 'Approves that a protected alias is pointed to a version, by somebody else than who approves.',
  scope: 'aliases:promote',
  repeatable: true,
  params: aliasPath,
  body: z.strictObject({ version: z.int().min(1) }),
  output: z.object({ alias: z.string(), version: z.int(), approvedAt: timeField, approvedBy: z.string() }),
  errors: ['not-protected', 'no-such-version', 'withdrawn'],
});
