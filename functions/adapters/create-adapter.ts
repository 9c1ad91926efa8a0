import { createAdapter as operation } from '../../shared/contract/adapters.ts';
import { DomainError } from '../../shared/errors.ts';
import { ConditionError } from '../../shared/platform/ports.ts';
import {
  adapterWrite,
  getAdapterRecord,
  presentAdapter,
  tagWrites,
  type AdapterRecord,
} from '../../shared/records/adapters.ts';
import { commit, newId } from '../../shared/records/commit.ts';
import { creator } from '../http/handler.ts';

export const createAdapter = creator(
  operation,
  async ({ world }, caller, { body }) => {
    const { name, base, description, tags } = body;
    const now = new Date(world.now()).toISOString();
    const { team } = caller;
    const adapter: AdapterRecord = {
      id: newId(world, 'adp'),
      team,
      name,
      base,
      description,
      tags: [...new Set(tags)].toSorted(),
      aliases: {},
      versions: 0,
      createdAt: now,
      updatedAt: now,
    };
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
