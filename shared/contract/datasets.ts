import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { downloadField, findingField, idField, nameField, notesField, sha256Field, timeField } from './fields.ts';
import { listOperation } from './list-operation.ts';
import { operation } from './operation.ts';
import { announcedFileField, uploadSchema } from './uploads.ts';

export const datasetPath = z.object({ dataset: nameField });

/** JSON lines that never change. */
export const datasetSchema = z
  .object({
    name: z.string(),
    id: idField,
    state: z.enum(['draft', 'validating', 'ready', 'rejected']),
    description: z.string(),
    sizeBytes: z.int(),
    sha256: sha256Field,
    format: z.enum(['messages', 'prompt-completion', 'text']).nullable(),
    rows: z.int().nullable(),
    findings: z.array(findingField),
    createdAt: timeField,
    createdBy: z.string(),
  })
  .openapi('Dataset');
export type Dataset = z.output<typeof datasetSchema>;

export const createDataset = operation({
  operationId: 'createDataset',
  method: 'post',
  path: '/v1/datasets',
  tag: 'datasets',
  summary: 'Begins the upload of a dataset: one file of JSON lines.',
  scope: 'datasets:write',
  status: 201,
  creates: true,
  body: z.strictObject({
    name: nameField,
    description: notesField.default(''),
    file: announcedFileField.extend({ sizeBytes: z.int().min(1).max(limits.datasetBytesMax) }),
  }),
  output: z.object({ dataset: datasetSchema, upload: uploadSchema }),
  errors: ['name-taken', 'storage-exceeded'],
});

export const listDatasets = listOperation({
  operationId: 'listDatasets',
  path: '/v1/datasets',
  tag: 'datasets',
  summary: 'Datasets by name.',
  scope: 'datasets:read',
  item: datasetSchema,
});

export const getDataset = operation({
  operationId: 'getDataset',
  method: 'get',
  path: '/v1/datasets/{dataset}',
  tag: 'datasets',
  summary: 'One dataset.',
  scope: 'datasets:read',
  params: datasetPath,
  output: datasetSchema,
});

export const previewDataset = operation({
  operationId: 'previewDataset',
  method: 'get',
  path: '/v1/datasets/{dataset}/preview',
  tag: 'datasets',
  summary: 'Rows as a base sees them: rendered through its chat template, cut where training begins and ends.',
  scope: 'datasets:read',
  params: datasetPath,
  query: z.object({
    base: nameField,
    rows: z.coerce.number().int().min(1).max(20).default(3),
    contextTokens: z.coerce.number().int().min(1).optional(),
  }),
  output: z.object({
    rows: z.array(
      z.object({
        line: z.int(),
        tokens: z.int(),
        trainedTokens: z.int(),
        runs: z.array(z.object({ text: z.string(), trained: z.boolean() })),
      }),
    ),
    findings: z.array(findingField),
  }),
  errors: ['not-ready', 'no-such-base'],
});

export const getDatasetFile = operation({
  operationId: 'getDatasetFile',
  method: 'get',
  path: '/v1/datasets/{dataset}/file',
  tag: 'datasets',
  summary: 'A link to the file that works for a few minutes.',
  scope: 'datasets:read',
  params: datasetPath,
  output: downloadField,
  errors: ['not-ready'],
});

export const deleteDataset = operation({
  operationId: 'deleteDataset',
  method: 'delete',
  path: '/v1/datasets/{dataset}',
  tag: 'datasets',
  summary: 'Takes a dataset out of reach; what was trained on it stays and still names it.',
  scope: 'datasets:write',
  status: 204,
  params: datasetPath,
});

export const restoreDataset = operation({
  operationId: 'restoreDataset',
  method: 'post',
  path: '/v1/datasets/{dataset}/restore',
  tag: 'datasets',
  summary: 'Brings a deleted dataset back that was ready, until its files are purged.',
  description: 'The one that was deleted last under this name. Nobody else may have taken the name.',
  scope: 'datasets:write',
  params: datasetPath,
  output: datasetSchema,
  errors: ['name-taken', 'not-ready'],
});
