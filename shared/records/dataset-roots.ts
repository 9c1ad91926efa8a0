import type { Lineage } from '../contract/versions.ts';
import type { RecordTable } from '../platform/ports.ts';
import { findBase } from './bases.ts';
import { rootsOf } from './erasures.ts';
import { findPinnedBase } from './pinned-inputs.ts';
import { findVersion } from './versions.ts';

/** Ids of all datasets that something descends from, by its own lineage and the roots of what it was made of. `forBase`: the base that it is for. */
export async function datasetRoots(
  table: RecordTable,
  team: string,
  lineage: Lineage,
  forBase?: string,
): Promise<string[]> {
  const base = lineage.base
    ? await findPinnedBase(table, team, lineage.base)
    : forBase === undefined
      ? undefined
      : (await findBase(table, team, forBase))?.value;
  const parents = await Promise.all(
    (lineage.parents ?? []).map(async ({ versionId }) => (await findVersion(table, team, versionId))?.value),
  );
  const roots = [base, ...parents].flatMap((made) => (made ? rootsOf(made) : []));
  return [...new Set([...(lineage.datasets ?? []).map(({ id }) => id), ...roots])].toSorted();
}
