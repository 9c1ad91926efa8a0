import { z } from '@hono/zod-openapi';
import { signatureSchema, signingKeySchema } from './audit.ts';
import { basePath } from './bases.ts';
import { fileField, idField, timeField } from './fields.ts';
import { operation } from './operation.ts';
import { versionPath } from './versions.ts';

/** What was published, of what it was made and how. What a later release adds stays in it: its hash is over all of it. */
export const manifestSchema = z
  .looseObject({
    format: z.literal('lorary-manifest-1'),
    kind: z.enum(['adapter', 'base']),
    team: z.string(),
    name: z.string(),
    id: idField,
    version: z.int().optional().describe('Number of a version of an adapter.'),
    publishedAt: timeField,
    publishedBy: z.string().describe('The key, or the job.'),
    madeWith: z
      .looseObject({
        release: z.string(),
        image: z.string().optional().describe('The container image, where it was named by its digest.'),
      })
      .describe('The program that published it.'),
    base: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('The base it is for: name, id, hash, source and revision.'),
    lineage: z
      .record(z.string(), z.unknown())
      .describe('Origin, datasets and parents with their hashes, as in `Lineage`.'),
    job: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('The job that made it: kind, attempt and the whole request.'),
    files: z.array(fileField).describe('By path.'),
  })
  .openapi('Manifest');
export type Manifest = z.output<typeof manifestSchema>;

export const signedManifestSchema = z
  .object({
    manifest: manifestSchema,
    statement: z
      .object({
        format: z.literal('lorary-statement-1'),
        manifestSha256: z.string().describe('SHA-256 of the canonical JSON (RFC 8785) of the manifest.'),
        kind: manifestSchema.shape.kind,
        name: z.string(),
        id: idField,
      })
      .describe('What is signed.'),
    signature: signatureSchema
      .nullable()
      .describe('Of the canonical JSON of the statement; null: nothing signs there.'),
    key: signingKeySchema.nullable().describe('The public key that it is signed by. Trust one that you have pinned.'),
  })
  .openapi('SignedManifest');
export type SignedManifest = z.output<typeof signedManifestSchema>;

export const getVersionManifest = operation({
  operationId: 'getVersionManifest',
  method: 'get',
  path: '/v1/adapters/{adapter}/versions/{version}/manifest',
  tag: 'versions',
  summary: 'What a version was made of and how, with the hash of each file, as it was signed when it was published.',
  scope: 'adapters:read',
  readsShared: true,
  params: versionPath,
  output: signedManifestSchema,
  errors: ['no-manifest'],
});

export const getBaseManifest = operation({
  operationId: 'getBaseManifest',
  method: 'get',
  path: '/v1/bases/{base}/manifest',
  tag: 'bases',
  summary: 'The same of a base that a job has made.',
  scope: 'adapters:read',
  params: basePath,
  output: signedManifestSchema,
  errors: ['no-manifest'],
});
