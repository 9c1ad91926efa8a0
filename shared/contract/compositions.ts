import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { adapterRefField, findingField, idField, nameField, notesField, timeField, versionRefField } from './fields.ts';
import { listOperation } from './list-operation.ts';
import { operation } from './operation.ts';
import { composeSpecSchema } from './specs/compose.ts';
import { parentSchema } from './versions.ts';

const compositionPath = z.object({ composition: nameField });
const { type, mode, peftRelease, rank, dtype } = composeSpecSchema.shape;

/** A recipe that is kept. A compose job makes a version of it. */
export const compositionSchema = z
  .object({
    name: z.string(),
    id: idField,
    description: z.string(),
    base: z.string(),
    type,
    mode,
    peftRelease,
    rank,
    dtype,
    members: z
      .array(parentSchema.extend({ weight: z.number() }))
      .describe('Pinned to exact versions when the composition was made.'),
    warnings: z.array(findingField),
    createdAt: timeField,
    createdBy: z.string(),
  })
  .openapi('Composition');
export type Composition = z.output<typeof compositionSchema>;

export const createComposition = operation({
  operationId: 'createComposition',
  method: 'post',
  path: '/v1/compositions',
  tag: 'compositions',
  summary: 'Keeps a recipe; members that cannot be composed are refused, all reasons at once.',
  scope: 'adapters:write',
  status: 201,
  creates: true,
  body: z.strictObject({
    name: nameField,
    description: notesField.default(''),
    type,
    mode,
    peftRelease,
    rank,
    dtype,
    members: z
      .array(
        z.strictObject({
          adapter: adapterRefField,
          version: versionRefField
            .default('latest')
            .describe('Absent: `latest`. An alias is pinned to the version it points to now.'),
          weight: z.number().default(1),
        }),
      )
      .min(1)
      .max(limits.composeMembersMax),
  }),
  output: compositionSchema,
  errors: ['name-taken', 'composition'],
});

export const listCompositions = listOperation({
  operationId: 'listCompositions',
  path: '/v1/compositions',
  tag: 'compositions',
  summary: 'Compositions by name.',
  scope: 'adapters:read',
  item: compositionSchema,
});

export const getComposition = operation({
  operationId: 'getComposition',
  method: 'get',
  path: '/v1/compositions/{composition}',
  tag: 'compositions',
  summary: 'One composition.',
  scope: 'adapters:read',
  params: compositionPath,
  output: compositionSchema,
});

export const deleteComposition = operation({
  operationId: 'deleteComposition',
  method: 'delete',
  path: '/v1/compositions/{composition}',
  tag: 'compositions',
  summary: 'Deletes a recipe; versions made of it stay.',
  scope: 'adapters:write',
  status: 204,
  params: compositionPath,
});
