import { z } from '@hono/zod-openapi';
import { downloadField, fileField, findingField, idField, nameField, notesField, timeField } from './fields.ts';
import { listOperation } from './list-operation.ts';
import { operation } from './operation.ts';
import { announcedFilesField, uploadSchema } from './uploads.ts';
import { lineageSchema, movedField } from './versions.ts';

export const basePath = z.object({ base: nameField });

/** Where a base comes from. */
export const baseSourceField = z.discriminatedUnion('kind', [
  /** A folder, or a GGUF file, of the machine that serves: below the folders that it allows. */
  z.strictObject({ kind: z.literal('local'), path: z.string().min(1) }),
  /** Files that the caller sends: a model folder, or one GGUF file. */
  z.strictObject({
    kind: z.literal('upload'),
    files: announcedFilesField,
    moved: movedField.optional().describe('Where it was before, when it comes from another installation.'),
  }),
  z.strictObject({
    kind: z.literal('huggingface'),
    repository: z
      .string()
      .regex(/^[\w.-]{1,96}\/[\w.-]{1,96}$/, { error: 'a Hugging Face id is owner/name' })
      .describe('`owner/name`.'),
    revision: z
      .string()
      .min(1)
      .max(255)
      .default('main')
      .describe('A branch, tag or commit; it is pinned to the commit it means now.'),
  }),
]);

/** How weights are packed on import: as `lorary quantize` does it, u4 in blocks of 64. */
export const packOnImportField = z.enum(['nf4', 'u4', 'gguf']);

export const baseSchema = z
  .object({
    name: z.string(),
    id: idField,
    state: z.enum(['draft', 'importing', 'ready', 'failed']),
    description: z.string(),
    architecture: z.string().nullable().describe('E.g. `LlamaForCausalLM`; null until it is ready.'),
    parameters: z.int().nullable(),
    contextTokens: z.int().nullable(),
    dtypes: z.array(z.string()),
    hasChatTemplate: z.boolean(),
    quantize: packOnImportField.optional().describe('How its weights are packed when it is imported.'),
    files: z.array(fileField),
    sizeBytes: z.int(),
    sha256: z
      .string()
      .nullable()
      .describe('SHA-256 over the names and hashes of the weight files: bases with the same are the same.'),
    source: z.object({
      kind: z.enum(['local', 'upload', 'huggingface', 'merge', 'train']),
      repository: z.string().optional(),
      revision: z.string().optional().describe('The commit.'),
    }),
    lineage: lineageSchema,
    importJobId: idField.optional(),
    findings: z.array(findingField),
    createdAt: timeField,
    createdBy: z.string(),
  })
  .openapi('Base');
export type Base = z.output<typeof baseSchema>;

export const createBase = operation({
  operationId: 'createBase',
  method: 'post',
  path: '/v1/bases',
  tag: 'bases',
  summary: 'Adds a base model: from a folder or GGUF file here, an upload, or Hugging Face. A job imports it.',
  scope: 'bases:write',
  status: 202,
  creates: true,
  body: z.strictObject({
    name: nameField,
    description: notesField.default(''),
    source: baseSourceField,
    quantize: packOnImportField
      .optional()
      .describe('Packs the weights: `nf4` or `u4` in 4 bits, `gguf` as the blocks that a GGUF file has.'),
  }),
  output: z.object({ base: baseSchema, upload: uploadSchema.optional() }),
  errors: [
    'name-taken',
    'folder-not-allowed',
    'no-such-folder',
    'no-such-repository',
    'no-weights',
    'too-large',
    'storage-exceeded',
    'not-available-here',
  ],
});

export const listBases = listOperation({
  operationId: 'listBases',
  path: '/v1/bases',
  tag: 'bases',
  summary: 'Base models by name.',
  scope: 'adapters:read',
  item: baseSchema,
});

export const getBase = operation({
  operationId: 'getBase',
  method: 'get',
  path: '/v1/bases/{base}',
  tag: 'bases',
  summary: 'One base model.',
  scope: 'adapters:read',
  params: basePath,
  output: baseSchema,
});

export const listBaseTensors = operation({
  operationId: 'listBaseTensors',
  method: 'get',
  path: '/v1/bases/{base}/tensors',
  tag: 'bases',
  summary: 'Name, type and shape of every tensor of a base.',
  scope: 'adapters:read',
  params: basePath,
  output: z.object({
    tensors: z.array(z.object({ name: z.string(), dtype: z.string(), shape: z.array(z.int()) })),
  }),
  errors: ['not-ready'],
});

export const listBaseFiles = operation({
  operationId: 'listBaseFiles',
  method: 'get',
  path: '/v1/bases/{base}/files',
  tag: 'bases',
  summary: 'The files of a base, each with a link that works for a few minutes.',
  scope: 'adapters:read',
  params: basePath,
  output: z.object({ base: baseSchema, files: z.array(downloadField) }),
  errors: ['not-ready'],
});

export const deleteBase = operation({
  operationId: 'deleteBase',
  method: 'delete',
  path: '/v1/bases/{base}',
  tag: 'bases',
  summary: 'Takes a base out of reach; refused while adapters belong to it.',
  scope: 'bases:write',
  status: 204,
  params: basePath,
  errors: ['still-used', 'changed-meanwhile'],
});

export const restoreBase = operation({
  operationId: 'restoreBase',
  method: 'post',
  path: '/v1/bases/{base}/restore',
  tag: 'bases',
  summary: 'Brings a deleted base back that was ready, until its files are purged.',
  description: 'The one that was deleted last under this name. Nobody else may have taken the name.',
  scope: 'bases:write',
  params: basePath,
  output: baseSchema,
  errors: ['name-taken', 'not-ready'],
});
