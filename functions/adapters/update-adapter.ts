import { updateAdapter as operation } from '../../shared/contract/adapters.ts';
import { DomainError } from '../../shared/errors.ts';
import { presentAdapter, tagWrites, type AdapterRecord } from '../../shared/records/adapters.ts';
import { handler } from '../http/handler.ts';
import { changeAdapter } from './change-adapter.ts';

export const updateAdapter = handler(operation, async ({ world }, caller, { params, body }) =>
  changeAdapter(world, caller, params.adapter, async ({ value, revision }) => {
    if (body.ifRevision !== undefined && body.ifRevision !== revision)
      throw new DomainError(
        'changed-meanwhile',
        `The adapter has revision ${revision} by now, not ${body.ifRevision}: look at it again.`,
      );
    const after: AdapterRecord = {
      ...value,
      description: body.description ?? value.description,
      tags: body.tags ? [...new Set(body.tags)].toSorted() : value.tags,
    };
    const changed = Object.keys(body).filter((field) => field !== 'ifRevision');
    return {
      change: { action: 'adapter.update', resource: `adapters/${value.name}`, detail: { changed } },
      after,
      writes: tagWrites(after, value.tags, after.tags),
      result: presentAdapter,
    };
  }),
);
