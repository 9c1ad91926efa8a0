import { DomainError } from '../../shared/errors.ts';
import type { RecordTable } from '../../shared/platform/ports.ts';
import { findDataset } from '../../shared/records/datasets.ts';
import { findDeleted } from '../../shared/records/restore-deleted.ts';

/** The dataset of this name, or the one that was deleted last under it and still has its bytes. Throws `DomainError('not-found')`. */
export async function erasableDataset(
  table: RecordTable,
  team: string,
  name: string,
): Promise<{ readonly id: string; readonly name: string }> {
  const found = await findDataset(table, team, name);
  if (found) return { id: found.value.id, name };
  const deleted = await findDeleted(table, team, 'dataset', name);
  if (!deleted) throw new DomainError('not-found', `There is no dataset "${name}".`);
  return { id: deleted.value.id, name };
}
