import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { idField, nameField, timeField } from './fields.ts';
import { listOperation } from './list-operation.ts';
import { operation } from './operation.ts';
import { roles, scopes } from './scopes.ts';

export const roleField = z.enum(roles);

/** How the names of adapters begin that a key works with: such a beginning, unlike a name, may end with ".", "_" or "-". */
export const adapterPrefixField = z
  .string()
  .min(1)
  .max(limits.nameCharsMax)
  .regex(/^[a-z0-9][a-z0-9._-]*$/, {
    error: 'a prefix has lower-case letters, digits, ".", "_" and "-" only, and begins with a letter or digit',
  });

export const apiKeySchema = z
  .object({
    id: idField,
    name: z.string(),
    role: roleField.nullable().describe('Null: its scopes were chosen one by one.'),
    scopes: z.array(z.enum(scopes)).describe('What it may do now: those of its role, where it has one.'),
    adapterPrefix: z.string().nullable().describe('Only adapters whose names begin so exist for it; null: all.'),
    serviceAccount: z.string().nullable().describe('Whose key it is; null: a key of its own.'),
    createdAt: timeField,
    createdBy: z.string().describe('The key that made it.'),
    expiresAt: timeField.nullable(),
    revokedAt: timeField.nullable(),
    lastUsedAt: timeField.nullable().describe('To the minute; null: not that anyone knows.'),
    overlapEndsAt: timeField.nullable().describe('Until then the secret before the last rotation works, too.'),
  })
  .openapi('ApiKey');
export type ApiKey = z.output<typeof apiKeySchema>;

/** A key and, once, its secret. */
const madeKeySchema = z.object({
  key: apiKeySchema,
  secret: z.string().nullable().describe('Null in the answer to a repeated call: it is not kept anywhere.'),
});

const keyPath = z.object({ key: idField });

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
  summary: 'Makes an API key, never one that may do more than the caller. Its secret is in this answer only.',
  description:
    'A role or scopes, not both. What the calling key is bound to binds the new one: a prefix that begins with its own, and no later end.',
  scope: 'keys:admin',
  status: 201,
  creates: true,
  body: z
    .strictObject({
      name: z.string().min(1).max(100),
      role: roleField.optional(),
      scopes: z.array(z.enum(scopes)).min(1).optional(),
      adapterPrefix: adapterPrefixField.optional().describe('Absent: that of the calling key, or of the account.'),
      serviceAccount: nameField.optional().describe('The account whose key it becomes; absent: none.'),
      expiresAt: timeField.optional().describe('Absent: when the calling key ends; never, where that does not.'),
    })
    .refine(({ role, scopes: asked, serviceAccount }) => (role ?? asked ?? serviceAccount) !== undefined, {
      error: 'say what it may do: a role, scopes, or a service account, whose role it then has',
    })
    .refine(({ role, scopes: asked }) => role === undefined || asked === undefined, {
      error: 'give a role or scopes, not both',
    })
    .openapi({ example: { name: 'ada', role: 'contributor' } }),
  output: madeKeySchema,
  errors: ['scope-beyond-own', 'already-expired', 'no-such-service-account'],
});

export const listKeys = listOperation({
  operationId: 'listKeys',
  path: '/v1/keys',
  tag: 'teams',
  summary: 'The keys of the team, or of one of its service accounts, revoked ones included.',
  scope: 'keys:admin',
  filters: { serviceAccount: nameField.optional() },
  item: apiKeySchema,
});

export const rotateKey = operation({
  operationId: 'rotateKey',
  method: 'post',
  path: '/v1/keys/{key}/rotate',
  tag: 'teams',
  summary: 'Gives a key a new secret; the old one ends at once, or after an overlap.',
  description:
    'Id, name, scopes and end stay. A key has two secrets at most: one that a rotation before left for a while ends now. As the answer holds a secret, the key may do no more than the caller.',
  scope: 'keys:admin',
  status: 201,
  creates: true,
  params: keyPath,
  body: z.strictObject({
    overlapSeconds: z
      .int()
      .min(0)
      .max(limits.keyOverlapSecondsMax)
      .default(0)
      .describe('For how long the old secret goes on working.'),
  }),
  output: madeKeySchema,
  errors: ['scope-beyond-own', 'key-ended', 'changed-meanwhile'],
});

export const revokeKey = operation({
  operationId: 'revokeKey',
  method: 'delete',
  path: '/v1/keys/{key}',
  tag: 'teams',
  summary:
    'Ends a key at once. Links that were signed with it live on for their few minutes, jobs that it started go on.',
  description:
    'Keys that it made stay, too: they are those whose `createdBy` is its id. A job that it started is ended by cancelling it.',
  scope: 'keys:admin',
  status: 204,
  params: keyPath,
});
