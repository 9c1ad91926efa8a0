import type { Operation } from '../../shared/contract/operation.ts';
import { splitRef } from '../../shared/domain/adapter-ref.ts';
import type { RecordTable } from '../../shared/platform/ports.ts';
import { getReadable } from '../../shared/records/shares.ts';
import { SharedReadOnlyError } from './note-denied.ts';

/**
 * Refuses a call about an adapter of another team to every operation that does not say that it only reads such. Throws
 * `SharedReadOnlyError`, and `DomainError('not-found')` where it is not shared, or not there.
 */
export async function refuseShared(
  table: RecordTable,
  team: string,
  { readsShared, params }: Pick<Operation, 'readsShared' | 'params'>,
  input: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (readsShared || !('adapter' in params.shape)) return;
  const ref = String(input['adapter']);
  const { owner } = splitRef(ref);
  if (owner === undefined) return;
  await getReadable(table, team, ref);
  throw new SharedReadOnlyError(ref, owner);
}
