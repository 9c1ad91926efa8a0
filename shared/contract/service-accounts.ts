import { z } from '@hono/zod-openapi';
import { idField, nameField, notesField, timeField } from './fields.ts';
import { adapterPrefixField, roleField } from './keys.ts';
import { listOperation } from './list-operation.ts';
import { operation } from './operation.ts';

/** Something that is no person and has keys, such as a pipeline. What its keys do is bounded by its role, whatever they were made with. */
export const serviceAccountSchema = z
  .object({
    id: idField,
    name: z.string(),
    description: z.string(),
    role: roleField,
    adapterPrefix: z.string().nullable().describe('Binds all of its keys; null: none.'),
    disabledAt: timeField.nullable().describe('Since when none of its keys opens anything.'),
    createdAt: timeField,
    createdBy: z.string(),
  })
  .openapi('ServiceAccount');
export type ServiceAccount = z.output<typeof serviceAccountSchema>;

export const createServiceAccount = operation({
  operationId: 'createServiceAccount',
  method: 'post',
  path: '/v1/service-accounts',
  tag: 'teams',
  summary: 'Makes a service account, never with a role that may do more than the caller.',
  scope: 'keys:admin',
  status: 201,
  creates: true,
  body: z.strictObject({
    name: nameField,
    role: roleField,
    description: notesField.default(''),
    adapterPrefix: adapterPrefixField.optional().describe('Absent: that of the calling key.'),
  }),
  output: serviceAccountSchema,
  errors: ['name-taken', 'scope-beyond-own'],
});

export const listServiceAccounts = listOperation({
  operationId: 'listServiceAccounts',
  path: '/v1/service-accounts',
  tag: 'teams',
  summary: 'The service accounts of the team by name, disabled ones included.',
  scope: 'keys:admin',
  item: serviceAccountSchema,
});

export const updateServiceAccount = operation({
  operationId: 'updateServiceAccount',
  method: 'patch',
  path: '/v1/service-accounts/{account}',
  tag: 'teams',
  summary: 'Disables an account with all of its keys at once, enables it again, or changes its role or description.',
  scope: 'keys:admin',
  params: z.object({ account: nameField }),
  body: z.strictObject({
    disabled: z.boolean().optional(),
    role: roleField.optional(),
    description: notesField.optional(),
  }),
  output: serviceAccountSchema,
  errors: ['scope-beyond-own', 'changed-meanwhile'],
});
