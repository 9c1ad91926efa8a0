import { restoreBase as operation } from '../../shared/contract/bases.ts';
import { baseWrite, parseBase, presentBase, readyBase } from '../../shared/records/bases.ts';
import { keys } from '../../shared/records/keys.ts';
import { restoreDeleted } from '../../shared/records/restore-deleted.ts';
import { handler } from '../http/handler.ts';

/** One that was ready: of others the files may never have come. */
export const restoreBase = handler(operation, async ({ world }, caller, { params: { base: name } }) =>
  restoreDeleted(world, caller, {
    kind: 'base',
    name,
    key: keys.base(caller.team, name),
    async plan(record) {
      const value = readyBase(parseBase(record));
      return { writes: [baseWrite(value)], result: presentBase(value) };
    },
  }),
);
