import type { RecordTable } from '../platform/ports.ts';
import { findBase, parseBase, type BaseRecord } from './bases.ts';
import { findDataset, parseDataset, type DatasetRecord } from './datasets.ts';
import { findPurge } from './purges.ts';

/** What a job was made with: a name may have come to mean something else, an id never does. */
export interface Pinned {
  readonly name: string;
  readonly id: string;
}

/** The base of this id, also one that was deleted and still has its bytes. */
export async function findPinnedBase(
  table: RecordTable,
  team: string,
  pinned: Pinned,
): Promise<BaseRecord | undefined> {
  const found = await findBase(table, team, pinned.name);
  if (found?.value.id === pinned.id) return found.value;
  const tombstone = (await findPurge(table, team, pinned.id))?.value.record;
  return tombstone ? parseBase(tombstone) : undefined;
}

/** The dataset of this id, also one that was deleted and still has its bytes. */
export async function findPinnedDataset(
  table: RecordTable,
  team: string,
  pinned: Pinned,
): Promise<DatasetRecord | undefined> {
  const found = await findDataset(table, team, pinned.name);
  if (found?.value.id === pinned.id) return found.value;
  const tombstone = (await findPurge(table, team, pinned.id))?.value.record;
  return tombstone ? parseDataset(tombstone) : undefined;
}
