import { z } from '@hono/zod-openapi';
import { adapterPath, adapterSchema } from './adapters.ts';
import { teamField, timeField } from './fields.ts';
import { listOperation } from './list-operation.ts';
import { operation } from './operation.ts';

const shareSchema = z
  .object({
    team: z.string().describe('That reads the adapter.'),
    since: timeField,
    sharedBy: z.string().describe('The key that has shared it.'),
  })
  .openapi('Share');
export type Share = z.output<typeof shareSchema>;

const sharePath = adapterPath.extend({ team: teamField });

export const shareAdapter = operation({
  operationId: 'shareAdapter',
  method: 'put',
  path: '/v1/adapters/{adapter}/shares/{team}',
  tag: 'sharing',
  summary: 'Lets another team read an adapter, with all its versions, and use them in jobs, from now on.',
  description:
    'It is called `TEAM:NAME` there, and is neither changed, promoted, shared on nor deleted by that team. What its versions and manifests tell can be read: names and hashes of the base and datasets, ids of keys.',
  scope: 'adapters:share',
  params: sharePath,
  output: shareSchema,
  errors: ['no-such-team', 'own-team', 'too-many-shares'],
});

export const unshareAdapter = operation({
  operationId: 'unshareAdapter',
  method: 'delete',
  path: '/v1/adapters/{adapter}/shares/{team}',
  tag: 'sharing',
  summary: 'Takes an adapter from a team that it was shared with: for that team it is not there any more.',
  description: 'What the team has downloaded, or has made with it, stays; jobs that have fetched it go on.',
  scope: 'adapters:share',
  status: 204,
  params: sharePath,
});

export const listShares = operation({
  operationId: 'listShares',
  method: 'get',
  path: '/v1/adapters/{adapter}/shares',
  tag: 'sharing',
  summary: 'Teams that an adapter is shared with, by name.',
  scope: 'adapters:read',
  params: adapterPath,
  output: z.object({ items: z.array(shareSchema) }),
});

const sharedAdapterSchema = z
  .object({
    team: z.string().describe('Whose adapter it is.'),
    since: timeField.describe('Since when it is shared with the team of the key.'),
    adapter: adapterSchema,
  })
  .openapi('SharedAdapter');

export const listSharedAdapters = listOperation({
  operationId: 'listSharedAdapters',
  path: '/v1/shared-adapters',
  tag: 'sharing',
  summary: 'Adapters that other teams share with that of the key, by team and name.',
  scope: 'adapters:read',
  filters: { team: teamField.optional() },
  item: sharedAdapterSchema,
});
