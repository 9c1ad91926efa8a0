import { z } from '@hono/zod-openapi';
import { adapterRefField, aliasField, idField, nameField, notesField, tagsField, timeField } from './fields.ts';
import { listOperation } from './list-operation.ts';
import { operation } from './operation.ts';

/** Routes that do not read what other teams share refuse such an adapter as soon as they are called, unless it is not there at all. */
export const adapterPath = z.object({ adapter: adapterRefField });

export const adapterSchema = z
  .object({
    name: z.string().describe('`TEAM:NAME` where another team shares it.'),
    id: idField,
    base: z
      .string()
      .describe("The base that its versions belong to; a name of this team's bases, or what the files say."),
    description: z.string(),
    tags: z.array(z.string()),
    aliases: z
      .record(z.string(), z.int())
      .describe(
        'Aliases and the numbers of the versions they point to; `latest` is the newest one that is not withdrawn.',
      ),
    versions: z.int(),
    revision: z.int().describe('Changes with every change; give it back to change only what was seen.'),
    createdAt: timeField,
    updatedAt: timeField,
  })
  .openapi('Adapter');
export type Adapter = z.output<typeof adapterSchema>;

export const createAdapter = operation({
  operationId: 'createAdapter',
  method: 'post',
  path: '/v1/adapters',
  tag: 'adapters',
  summary: 'Makes an adapter without versions.',
  scope: 'adapters:write',
  status: 201,
  creates: true,
  body: z.strictObject({
    name: nameField,
    base: nameField,
    description: notesField.default(''),
    tags: tagsField.default([]),
  }),
  output: adapterSchema,
  errors: ['name-taken', 'no-such-base'],
});

export const listAdapters = listOperation({
  operationId: 'listAdapters',
  path: '/v1/adapters',
  tag: 'adapters',
  summary: 'Adapters by name; of one base, with one tag, or with a text in name or description.',
  scope: 'adapters:read',
  filters: {
    base: nameField.optional(),
    tag: nameField.optional(),
    text: z.string().min(1).max(200).optional(),
  },
  item: adapterSchema,
});

export const getAdapter = operation({
  operationId: 'getAdapter',
  method: 'get',
  path: '/v1/adapters/{adapter}',
  tag: 'adapters',
  summary: 'One adapter.',
  scope: 'adapters:read',
  readsShared: true,
  params: adapterPath,
  output: adapterSchema,
});

export const updateAdapter = operation({
  operationId: 'updateAdapter',
  method: 'patch',
  path: '/v1/adapters/{adapter}',
  tag: 'adapters',
  summary: 'Changes description or tags.',
  scope: 'adapters:write',
  params: adapterPath,
  body: z.strictObject({
    description: notesField.optional(),
    tags: tagsField.optional(),
    ifRevision: z.int().min(1).optional().describe('Refuses the change when the adapter has another revision by now.'),
  }),
  output: adapterSchema,
  errors: ['changed-meanwhile'],
});

export const deleteAdapter = operation({
  operationId: 'deleteAdapter',
  method: 'delete',
  path: '/v1/adapters/{adapter}',
  tag: 'adapters',
  summary: 'Takes an adapter and all its versions out of reach.',
  scope: 'adapters:write',
  status: 204,
  params: adapterPath,
});

export const restoreAdapter = operation({
  operationId: 'restoreAdapter',
  method: 'post',
  path: '/v1/adapters/{adapter}/restore',
  tag: 'adapters',
  summary: 'Brings a deleted adapter back, with its versions, aliases and tags, until its files are purged.',
  description: 'The one that was deleted last under this name. Nobody else may have taken the name.',
  scope: 'adapters:write',
  params: adapterPath,
  output: adapterSchema,
  errors: ['name-taken', 'no-such-base'],
});

const aliasPath = adapterPath.extend({ alias: aliasField });

const aliasSchema = z
  .object({
    alias: z.string(),
    version: z.int().nullable().describe('Null: it was removed.'),
    revision: z.int(),
    updatedAt: timeField,
    updatedBy: z.string(),
  })
  .openapi('AliasChange');

export const setAlias = operation({
  operationId: 'setAlias',
  method: 'put',
  path: '/v1/adapters/{adapter}/aliases/{alias}',
  tag: 'aliases',
  summary: 'Points an alias to a version, if it still points where the caller thinks.',
  scope: 'aliases:promote',
  params: aliasPath,
  body: z.strictObject({
    version: z.int().min(1),
    ifVersion: z
      .int()
      .min(1)
      .nullable()
      .optional()
      .describe('The version it must point to now; null: it must not exist; absent: wherever it points.'),
    evaluation: idField
      .optional()
      .describe('The job that has evaluated the version, where the alias is protected by a gate.'),
  }),
  output: aliasSchema,
  errors: [
    'changed-meanwhile',
    'not-allowed-by-protection',
    'no-such-version',
    'withdrawn',
    'alias-reserved',
    'too-many-aliases',
  ],
});

export const deleteAlias = operation({
  operationId: 'deleteAlias',
  method: 'delete',
  path: '/v1/adapters/{adapter}/aliases/{alias}',
  tag: 'aliases',
  summary: 'Removes an alias; its history stays.',
  scope: 'aliases:promote',
  status: 204,
  params: aliasPath,
  errors: ['alias-reserved', 'alias-protected'],
});

export const listAliasHistory = listOperation({
  operationId: 'listAliasHistory',
  path: '/v1/adapters/{adapter}/aliases/{alias}/history',
  tag: 'aliases',
  summary: 'Where an alias has pointed, newest first.',
  scope: 'adapters:read',
  readsShared: true,
  params: aliasPath,
  item: aliasSchema,
});

export const rollbackAlias = operation({
  operationId: 'rollbackAlias',
  method: 'post',
  path: '/v1/adapters/{adapter}/aliases/{alias}/rollback',
  tag: 'aliases',
  summary: 'Points an alias back to the version it pointed to before.',
  scope: 'aliases:promote',
  params: aliasPath,
  body: z.strictObject({
    ifVersion: z.int().min(1).optional().describe('The version it must point to now; absent: wherever it points.'),
  }),
  output: aliasSchema,
  errors: ['changed-meanwhile', 'nothing-before', 'withdrawn'],
});
