import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { idField, timeField } from './fields.ts';
import { listOperation } from './list-operation.ts';
import { operation } from './operation.ts';

/** One row of the audit. What a later release adds to rows stays in them: a seal is over all of a row. */
export const auditRecordSchema = z
  .looseObject({
    at: timeField,
    action: z.string().describe('E.g. `adapter.create`; of what was refused, the operation that was called.'),
    resource: z.string().describe('E.g. `adapters/french`; of what was refused, the path.'),
    keyId: z.string().describe('The key, or the job, that acted.'),
    team: z.string().optional().describe('Whose key it was, where that is another team.'),
    serviceAccount: z.string().optional().describe('Whose key it was; absent: a key of its own.'),
    requestId: z.string(),
    operation: z.string().optional().describe('The operation that was called.'),
    from: z
      .looseObject({
        address: z.string().optional().describe('Where the call came from, as the server knows it.'),
        userAgent: z.string().optional().describe('What the caller says it is.'),
      })
      .optional(),
    outcome: z
      .literal('denied')
      .optional()
      .describe('`denied`: it was refused and changed nothing; absent: it was done.'),
    detail: z.record(z.string(), z.unknown()).optional(),
  })
  .openapi('AuditRecord');
export type AuditRecord = z.output<typeof auditRecordSchema>;

export const listAudit = listOperation({
  operationId: 'listAudit',
  path: '/v1/audit',
  tag: 'audit',
  summary:
    'What was changed, and what was refused, in a day (UTC) or between two times, newest first; by key, action or resource.',
  scope: 'audit:read',
  filters: {
    day: z.iso.date().optional().describe('Instead of `from` and `to`; without any of them it is today.'),
    from: timeField.optional(),
    to: timeField.optional().describe(`Absent: now. At most ${limits.auditRangeDaysMax} days after \`from\`.`),
    key: idField.optional(),
    action: z.string().min(1).max(100).optional().describe('E.g. `adapter.create`, or `adapter` for all of that kind.'),
    resource: z.string().min(1).max(300).optional().describe('This and what is below it, e.g. `adapters/french`.'),
    outcome: z.enum(['done', 'denied']).optional(),
  },
  item: auditRecordSchema,
});

export const signatureSchema = z
  .object({
    keyId: z.string().describe('SHA-256 of the public key (SPKI).'),
    algorithm: z.enum(['Ed25519', 'ECDSA_P256_SHA256']),
    value: z.string().describe('Base64; ECDSA in DER.'),
  })
  .openapi('Signature');

export const auditSealSchema = z
  .object({
    statement: z.object({
      format: z.literal('lorary-audit-seal-1'),
      team: z.string(),
      number: z.int().min(1).describe('Without gaps.'),
      hour: z.string().describe('E.g. `2026-11-29T18`. An hour before the last one that has no seal had no rows.'),
      rows: z.int(),
      digest: z.string().describe("SHA-256 over the sorted SHA-256 of each row's canonical JSON (RFC 8785)."),
      previous: z.string().nullable().describe('SHA-256 of the canonical JSON of the statement before.'),
      sealedAt: timeField,
    }),
    signature: signatureSchema.nullable().describe('Of the canonical JSON of the statement; null: nothing signs here.'),
  })
  .openapi('AuditSeal');
export type AuditSeal = z.output<typeof auditSealSchema>;

export const listAuditSeals = listOperation({
  operationId: 'listAuditSeals',
  path: '/v1/audit/seals',
  tag: 'audit',
  summary: 'The seals of the audit: what each hour held when it was over, chained and signed.',
  scope: 'audit:read',
  item: auditSealSchema,
});

export const signingKeySchema = z
  .object({
    keyId: z.string().describe('SHA-256 of the public key.'),
    algorithm: signatureSchema.shape.algorithm,
    publicKey: z.string().describe('SPKI in DER, base64.'),
  })
  .openapi('SigningKey');

export const getSigningKey = operation({
  operationId: 'getSigningKey',
  method: 'get',
  path: '/v1/signing-key',
  tag: 'audit',
  summary:
    'The public key that this platform signs with. Pin it: whoever asks for it each time believes whoever answers.',
  scope: 'any',
  output: signingKeySchema,
  errors: ['nothing-signs'],
});
