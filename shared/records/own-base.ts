import { DomainError } from '../errors.ts';
import type { RecordTable } from '../platform/ports.ts';
import { allRecords } from './all-records.ts';
import { findBase, readBase, type BaseRecord } from './bases.ts';
import { lists } from './keys.ts';
import type { VersionRecord } from './versions.ts';

/**
 * A version that a team is going to use, with the base that it has for it under its own name: of what another team shares, one with the very
 * weights that it was made for. Throws `DomainError('no-such-base')`.
 */
export async function onOwnBase(table: RecordTable, team: string, version: VersionRecord): Promise<VersionRecord> {
  if (version.team === team) return version;
  const sha256 = version.lineage.base?.sha256;
  const base = sha256 === undefined ? undefined : await baseOfWeights(table, team, version.base, sha256);
  if (base !== undefined) return { ...version, base };
  throw new DomainError(
    'no-such-base',
    `"${version.adapter}" was made for the base "${version.base}" of its team, and yours has none with the same weights (SHA-256 ${sha256 ?? 'not known'}): add it first.`,
  );
}

/** `likely`: a name that is looked at before all others. */
async function baseOfWeights(
  table: RecordTable,
  team: string,
  likely: string,
  sha256: string,
): Promise<string | undefined> {
  const isIt = (base: BaseRecord): boolean => base.state === 'ready' && base.sha256 === sha256;
  const same = await findBase(table, team, likely);
  if (same && isIt(same.value)) return likely;
  for await (const record of allRecords(table, { partition: lists.bases(team), index: 'index1' })) {
    const { value } = readBase(record);
    if (isIt(value)) return value.name;
  }
  return undefined;
}
