import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { adapterPath } from './adapters.ts';
import {
  aliasField,
  downloadField,
  fileField,
  findingField,
  idField,
  nameField,
  notesField,
  orNull,
  timeField,
  versionRefField,
} from './fields.ts';
import { listOperation } from './list-operation.ts';
import { operation } from './operation.ts';
import { announcedFilesField, uploadSchema } from './uploads.ts';

/** Names and hashes, whoever gives them. */
const shortText = z.string().max(limits.nameCharsMax);

export const versionPath = adapterPath.extend({ version: versionRefField });

/** A version that something was made from, pinned. */
export const parentSchema = z
  .object({
    adapter: z.string().max(limits.adapterRefCharsMax).describe('`TEAM:NAME` where another team shares it.'),
    versionId: idField,
    version: z.int(),
    weight: z.number().optional(),
  })
  .openapi('Parent');

const pinned = z.object({ name: shortText, id: idField, sha256: shortText });
const madeSchema = z.object({
  origin: z.enum(['upload', 'train', 'compose', 'merge', 'import']),
  jobId: idField.optional(),
  base: pinned.optional(),
  datasets: z.array(pinned).max(limits.composeMembersMax).optional(),
  parents: z.array(parentSchema).max(limits.composeMembersMax).optional(),
  compositionId: idField.optional(),
});

/** Where something was made before it was brought here. A claim: whoever brings it says so, and nothing can check it. */
export const movedField = z
  .strictObject({
    id: idField.describe('Its id there.'),
    version: z.int().min(1).optional().describe('Its number there.'),
    createdAt: timeField,
    lineage: madeSchema.strict(),
  })
  .openapi('Moved');

/** Where something comes from: enough to make it again. */
export const lineageSchema = madeSchema
  .extend({
    moved: movedField.optional().describe('Where it was before, as told by whoever brought it here; not checked.'),
  })
  .openapi('Lineage');

export type Lineage = z.output<typeof lineageSchema>;

/** What the validator found out about a version. */
export const versionChecksSchema = z
  .object({
    peftType: z.string(),
    summary: z.string().describe('E.g. `effective modules 14 of 14`.'),
    effectiveModules: z.int(),
    selectedModules: z.int(),
    ranks: z.array(z.int()),
    dtypes: z.array(z.string()),
    parameters: z.int(),
    deltaNorm: z
      .number()
      .nullable()
      .describe('Frobenius norm of all deltas together; null where they were not computed.'),
    usable: z.boolean().describe('Whether this installation can compose, merge and evaluate it, and why not.'),
    unusableBecause: z.array(z.string()),
  })
  .openapi('VersionChecks');

export const versionSchema = z
  .object({
    id: idField,
    adapter: z.string(),
    version: z.int().nullable().describe('Given when it is published: 1, 2, 3.'),
    state: z
      .enum(['draft', 'validating', 'published', 'rejected', 'withdrawn'])
      .describe(
        '`draft`: files are on their way; `validating`; `published`; `rejected`: see the findings; `withdrawn`: no longer to be used.',
      ),
    base: z.string(),
    files: z.array(fileField),
    sizeBytes: z.int(),
    checks: orNull(versionChecksSchema),
    findings: z.array(findingField),
    lineage: lineageSchema,
    notes: z.string(),
    aliases: z.array(z.string()).describe('Aliases that point to it.'),
    createdAt: timeField,
    createdBy: z.string(),
    publishedAt: timeField.optional(),
    withdrawnAt: timeField.optional(),
    withdrawnBecause: z.string().optional(),
  })
  .openapi('Version');
export type Version = z.output<typeof versionSchema>;

export const beginUpload = operation({
  operationId: 'beginUpload',
  method: 'post',
  path: '/v1/adapters/{adapter}/versions',
  tag: 'versions',
  summary: 'Begins the upload of a new version; the adapter is made when there is none and `base` is given.',
  scope: 'adapters:write',
  status: 201,
  creates: true,
  params: adapterPath,
  body: z.strictObject({
    files: announcedFilesField,
    base: nameField.optional().describe('Needed when the adapter is new.'),
    notes: notesField.default(''),
    aliases: z
      .array(aliasField)
      .max(limits.aliasesMax)
      .default([])
      .describe('Aliases that will point to it once it is published.'),
    moved: movedField.optional().describe('Where it was before, when it comes from another installation.'),
  }),
  output: z.object({ version: versionSchema, upload: uploadSchema }),
  errors: [
    'no-such-base',
    'not-ready',
    'base-mismatch',
    'not-an-adapter',
    'too-large',
    'storage-exceeded',
    'alias-reserved',
    'alias-protected',
    'too-many-aliases',
  ],
});

export const listVersions = listOperation({
  operationId: 'listVersions',
  path: '/v1/adapters/{adapter}/versions',
  tag: 'versions',
  summary: "Versions, newest first; of the team's own adapters drafts and rejected ones, too.",
  scope: 'adapters:read',
  readsShared: true,
  params: adapterPath,
  filters: { state: versionSchema.shape.state.optional() },
  item: versionSchema,
});

export const getVersion = operation({
  operationId: 'getVersion',
  method: 'get',
  path: '/v1/adapters/{adapter}/versions/{version}',
  tag: 'versions',
  summary: 'One version, by number, alias or id.',
  scope: 'adapters:read',
  readsShared: true,
  params: versionPath,
  output: versionSchema,
});

export const getVersionChecks = operation({
  operationId: 'getVersionChecks',
  method: 'get',
  path: '/v1/adapters/{adapter}/versions/{version}/checks',
  tag: 'versions',
  summary:
    'Everything known of a version: each module with its rank and the norm of its delta, and which engines serve it.',
  scope: 'adapters:read',
  readsShared: true,
  params: versionPath,
  output: z.object({
    modules: z.array(
      z.object({
        module: z.string(),
        r: z.int(),
        dtype: z.string(),
        deltaNorm: z.number().nullable(),
        effective: z.boolean(),
      }),
    ),
    servability: z.array(
      z.object({
        engine: z.string(),
        verdict: z.enum(['ready', 'flatten', 'export', 'no']),
        reasons: z.array(z.string()),
        settings: z.array(z.string()),
      }),
    ),
  }),
});

export const listVersionFiles = operation({
  operationId: 'listVersionFiles',
  method: 'get',
  path: '/v1/adapters/{adapter}/versions/{version}/files',
  tag: 'versions',
  summary: 'The files of a version, each with a link that works for a few minutes.',
  scope: 'adapters:read',
  readsShared: true,
  params: versionPath,
  output: z.object({ version: versionSchema, files: z.array(downloadField) }),
  errors: ['not-published'],
});

export const withdrawVersion = operation({
  operationId: 'withdrawVersion',
  method: 'post',
  path: '/v1/adapters/{adapter}/versions/{version}/withdraw',
  tag: 'versions',
  summary:
    'Says that a version should no longer be used; by its number it stays readable. `latest` moves back; other aliases must point elsewhere first.',
  scope: 'adapters:write',
  params: versionPath,
  body: z.strictObject({ reason: z.string().min(1).max(limits.notesCharsMax) }),
  output: versionSchema,
  errors: ['not-published', 'still-aliased'],
});
