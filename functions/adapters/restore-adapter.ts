import { restoreAdapter as operation } from '../../shared/contract/adapters.ts';
import { DomainError } from '../../shared/errors.ts';
import { adapterWrite, parseAdapter, presentAdapter, tagWrites } from '../../shared/records/adapters.ts';
import { findBase } from '../../shared/records/bases.ts';
import { keys } from '../../shared/records/keys.ts';
import { restoreDeleted } from '../../shared/records/restore-deleted.ts';
import { handler } from '../http/handler.ts';

/** With its versions, aliases and tags as they were. */
export const restoreAdapter = handler(operation, async ({ world }, caller, { params: { adapter: name } }) =>
  restoreDeleted(world, caller, {
    kind: 'adapter',
    name,
    key: keys.adapter(caller.team, name),
    async plan(record, deletedAt) {
      const value = { ...parseAdapter(record), updatedAt: new Date(world.now()).toISOString() };
      const base = await findBase(world.table, value.team, value.base);
      // a base goes only after its adapters; one that was made since is another one
      if (!base || base.value.createdAt > deletedAt)
        throw new DomainError(
          'no-such-base',
          `The base "${value.base}" that "${name}" belongs to was deleted, too: bring it back before.`,
        );
      return {
        writes: [
          adapterWrite(value),
          ...tagWrites(value, [], value.tags),
          { check: keys.base(value.team, value.base), condition: { ifRevision: base.revision } },
        ],
        result: presentAdapter({ value, revision: 1 }),
      };
    },
  }),
);
