import { z } from '@hono/zod-openapi';
import { idField, timeField } from './fields.ts';
import { listOperation } from './list-operation.ts';
import { operation } from './operation.ts';
import { scopes } from './scopes.ts';

export const apiKeySchema = z
  .object({
    id: idField,
    name: z.string(),
    scopes: z.array(z.enum(scopes)),
    createdAt: timeField,
    createdBy: z.string(),
    expiresAt: timeField.nullable(),
    revokedAt: timeField.nullable(),
  })
  .openapi('ApiKey');
export type ApiKey = z.output<typeof apiKeySchema>;

export const whoAmI = operation({
  operationId: 'whoAmI',
  method: 'get',
  path: '/v1/me',
  tag: 'teams',
  summary: 'The team and the key of this call, and what it may do.',
  scope: 'any',
  output: z.object({ team: z.string(), key: apiKeySchema }),
});

export const createKey = operation({
  operationId: 'createKey',
  method: 'post',
  path: '/v1/keys',
  tag: 'teams',
  summary: 'Makes an API key, never with more scopes than the caller has. Its secret is in this answer only.',
  scope: 'keys:admin',
  status: 201,
  creates: true,
  body: z.strictObject({
    name: z.string().min(1).max(100),
    scopes: z.array(z.enum(scopes)).min(1),
    expiresAt: timeField.optional().describe('Absent: it never expires.'),
  }),
  output: z.object({
    key: apiKeySchema,
    secret: z.string().nullable().describe('Null in the answer to a repeated call: it is not kept anywhere.'),
  }),
  errors: ['scope-beyond-own', 'already-expired'],
});

export const listKeys = listOperation({
  operationId: 'listKeys',
  path: '/v1/keys',
  tag: 'teams',
  summary: 'The keys of the team, revoked ones included.',
  scope: 'keys:admin',
  item: apiKeySchema,
});

export const revokeKey = operation({
  operationId: 'revokeKey',
  method: 'delete',
  path: '/v1/keys/{key}',
  tag: 'teams',
  summary:
    'Ends a key at once. Links that were signed with it live on for their few minutes, jobs that it started go on.',
  scope: 'keys:admin',
  status: 204,
  params: z.object({ key: idField }),
});
