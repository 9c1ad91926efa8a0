import { z } from '@hono/zod-openapi';
import { datasetPath } from './datasets.ts';
import { idField, timeField } from './fields.ts';
import { operation } from './operation.ts';

export const erasureSchema = z
  .object({
    dataset: z.string(),
    id: idField.describe('Of the dataset.'),
    state: z
      .enum(['erasing', 'erased'])
      .describe('From `erasing` on nothing that descends from it is given out; `erased`: its bytes are gone as well.'),
    startedAt: timeField,
    startedBy: z.string(),
    erasedAt: timeField.nullable(),
    erased: z.object({ versions: z.int(), bases: z.int(), jobs: z.int() }).describe('What has lost its bytes so far.'),
  })
  .openapi('Erasure');
export type Erasure = z.output<typeof erasureSchema>;

export const eraseDataset = operation({
  operationId: 'eraseDataset',
  method: 'post',
  path: '/v1/datasets/{dataset}/erase',
  tag: 'datasets',
  summary:
    'Erases a dataset for good, with every version and base that descends from it: they answer 410 at once, and their bytes go.',
  description:
    'It cannot be taken back. Jobs that read any of it are cancelled. Links that were given out before work for their few minutes; backups are not reached. Asking again answers how far it is.',
  scope: 'datasets:write',
  status: 202,
  repeatable: true,
  params: datasetPath,
  output: erasureSchema,
  errors: ['not-ready', 'too-many-erasures'],
});

export const getErasure = operation({
  operationId: 'getErasure',
  method: 'get',
  path: '/v1/datasets/{dataset}/erasure',
  tag: 'datasets',
  summary: 'How far the erasure of a dataset is.',
  scope: 'datasets:read',
  params: datasetPath,
  output: erasureSchema,
});
