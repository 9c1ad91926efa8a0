import { DomainError } from '../../shared/errors.ts';
import type { RecordTable } from '../../shared/platform/ports.ts';
import type { AdapterRecord } from '../../shared/records/adapters.ts';
import { findVersion, findVersionId } from '../../shared/records/versions.ts';

/** Refuses to point an alias to a version that is not there to be used. Throws `DomainError('no-such-version' | 'withdrawn')`. */
export async function refuseVersion(table: RecordTable, adapter: AdapterRecord, version: number): Promise<void> {
  const id = await findVersionId(table, adapter, version);
  const found = id === undefined ? undefined : await findVersion(table, adapter.team, id);
  if (!found)
    throw new DomainError(
      'no-such-version',
      `The adapter "${adapter.name}" has no version ${version}: see its versions.`,
    );
  if (found.value.state === 'withdrawn')
    throw new DomainError(
      'withdrawn',
      `Version ${version} was withdrawn (${found.value.withdrawnBecause ?? ''}): choose another one.`,
    );
}
