import { createAdapter as operation } from '../../shared/contract/adapters.ts';
import { DomainError } from '../../shared/errors.ts';
import { ConditionError } from '../../shared/platform/ports.ts';
import {
  adapterWrite,
  getAdapterRecord,
  presentAdapter,
  newAdapter,
  tagWrites,
} from '../../shared/records/adapters.ts';
import { findBase } from '../../shared/records/bases.ts';
import { commit } from '../../shared/records/commit.ts';
import { creator } from '../http/handler.ts';

export const createAdapter = creator(
  operation,
  async ({ world }, caller, { body }) => {
    const { name, base, description, tags } = body;
    if (!(await findBase(world.table, caller.team, base)))
      throw new DomainError('no-such-base', `There is no base "${base}": add it first, or choose another one.`);
    const adapter = newAdapter(world, caller, { name, base, description, tags });
    const writes = [adapterWrite(adapter), ...tagWrites(adapter, [], adapter.tags)];
    try {
      await commit(world, caller, { action: 'adapter.create', resource: `adapters/${name}`, created: name }, writes);
    } catch (error) {
      if (error instanceof ConditionError && error.failed.includes(0))
        throw new DomainError('name-taken', `There is an adapter "${name}" already: choose another name.`);
      throw error;
    }
    return presentAdapter({ value: adapter, revision: 1 });
  },
  async ({ world }, { team }, created) => presentAdapter(await getAdapterRecord(world.table, team, created)),
);
