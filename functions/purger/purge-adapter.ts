import type { RecordTable, RecordWrite, StoredRecord, World } from '../../shared/platform/ports.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit } from '../../shared/records/commit.ts';
import { keys, lists } from '../../shared/records/keys.ts';
import { purgeChange, purgeWrite, type PurgeRecord } from '../../shared/records/purges.ts';
import type { Stored } from '../../shared/records/stored.ts';
import { findVersion, readVersion } from '../../shared/records/versions.ts';

/** Lets an adapter go: its versions each by a note of their own, because one may be held by a composition, and all that led to them. */
export async function purgeAdapter(world: World, caller: Caller, purge: Stored<PurgeRecord>): Promise<void> {
  const { value, revision } = purge;
  const { table } = world;
  const { team, id } = value;
  const change = { action: 'adapter.purge', resource: `adapters/${id}` };
  // from here on nobody can have it back
  if (value.record !== null) await commit(world, caller, change, [purgeChange({ ...value, record: null }, revision)]);
  for await (const record of allRecords(table, { partition: lists.versions(team, id), index: 'index1' })) {
    const version = readVersion(record).value;
    // an earlier try may have come this far, and the list not know it yet
    if (!(await findVersion(table, team, version.id))) continue;
    await commit(world, caller, change, [dueAtOnce(world, team, version.id)]);
  }
  await dropPartition(table, keys.versionNumber(team, id, 0).partition);
  await dropPartition(table, keys.approval(team, id, '', 0, '').partition);
  await dropPartition(table, keys.alias(team, id, '').partition, (alias) =>
    dropPartition(table, keys.aliasHistory(team, id, alias.key.sort, 0).partition),
  );
}

function dueAtOnce(world: World, team: string, id: string): RecordWrite {
  return purgeWrite(world, { team, kind: 'version', id, why: 'deleted', keptSeconds: 0 });
}

/** `before`: what only this record leads to. */
async function dropPartition(
  table: RecordTable,
  partition: string,
  before?: (record: StoredRecord) => Promise<void>,
): Promise<void> {
  for await (const record of allRecords(table, { partition })) {
    await before?.(record);
    await table.delete(record.key);
  }
}
