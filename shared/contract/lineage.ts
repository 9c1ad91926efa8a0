import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { listOperation } from './list-operation.ts';

export const lineageKinds = ['dataset', 'base', 'version'] as const;

export const lineageNodeSchema = z
  .object({
    kind: z.enum(lineageKinds),
    id: z.string(),
    name: z.string().describe('Of a version, that of its adapter.'),
    version: z.int().optional(),
    state: z
      .enum(['there', 'withdrawn', 'gone'])
      .describe('`gone`: it was deleted, or its name means something else by now; what is known of it stays.'),
    depth: z.int().describe('Steps from what was asked for, the fewest; 0: itself.'),
    next: z.array(z.string()).describe('Ids one step on in the direction that was asked for.'),
  })
  .openapi('LineageNode');
export type LineageNode = z.output<typeof lineageNodeSchema>;

export const listLineage = listOperation({
  operationId: 'listLineage',
  path: '/v1/lineage',
  tag: 'versions',
  summary: `What something was made of (\`up\`), or what was made with it (\`down\`), over all steps, the nearest first; at most ${limits.lineageNodesMax} things.`,
  scope: 'adapters:read',
  filters: {
    of: z
      .string()
      .min(1)
      .max('adapters/'.length + limits.adapterRefCharsMax + '@'.length + limits.nameCharsMax)
      .regex(/^[\w.:@/-]+$/, { error: 'neither a name nor an id has such characters' })
      .describe(
        '`datasets/NAME`, `bases/NAME`, `adapters/NAME`, `adapters/NAME@VERSION`, or an id. Of `adapters/TEAM:NAME` what the team of the key has made with it.',
      ),
    direction: z.enum(['up', 'down']).default('up'),
  },
  item: lineageNodeSchema,
});
