import { deleteBase as operation } from '../../shared/contract/bases.ts';
import { DomainError } from '../../shared/errors.ts';
import { findBase } from '../../shared/records/bases.ts';
import { keys, lists } from '../../shared/records/keys.ts';
import { seesAdapter, wholeTable } from '../../shared/records/prefix-view.ts';
import { handler } from '../http/handler.ts';
import { deleteEntry } from './delete-entry.ts';

export const deleteBase = handler(operation, async ({ world }, caller, { params }) => {
  const { team } = caller;
  // one that descends from what was erased frees its name like any other
  const found = await findBase(world.table, team, params.base);
  if (!found) throw new DomainError('not-found', `There is no base "${params.base}".`);
  const { value, revision } = found;
  const { name } = value;
  const uploadId = value.state === 'draft' ? value.uploadId : null;
  const list = { partition: lists.adaptersOfBase(team, name), index: 'index2', limit: shownMax + 1 } as const;
  // those that do not exist for the caller are not named, and count all the same
  const adapters = (await wholeTable(world.table).query(list)).records.map(({ index2 }) => index2?.sort ?? '');
  if (adapters.length > 0) {
    const named = adapters.slice(0, shownMax).filter((adapter) => seesAdapter(caller, adapter));
    const shown = [...named, ...(adapters.length > named.length ? ['others'] : [])].join(', ');
    throw new DomainError('still-used', `Adapters belong to the base "${name}": ${shown}. Delete them first.`);
  }
  return deleteEntry(world, caller, {
    kind: 'base',
    name,
    key: keys.base(team, name),
    revision,
    uploadId,
    record: value,
  });
});

const shownMax = 5;
