import type { Lineage } from '../contract/versions.ts';
import { splitRef } from '../domain/adapter-ref.ts';
import type { RecordTable } from '../platform/ports.ts';
import { findBase } from './bases.ts';
import { rootsOf, type DatasetRoot } from './erasures.ts';
import { findJob } from './jobs.ts';
import { findPinnedBase } from './pinned-inputs.ts';
import { findVersion } from './versions.ts';

/** As a version or a base keeps them. */
export interface Roots {
  readonly datasetRoots: string[];
  readonly otherRoots: DatasetRoot[];
}

/**
 * All datasets that something of a team descends from, by its own lineage and the roots of what it was made of. Those of what another team
 * shares are what the job has pinned. `forBase`: the base that it is for.
 */
export async function datasetRoots(
  table: RecordTable,
  team: string,
  lineage: Lineage,
  forBase?: string,
): Promise<Roots> {
  const base = lineage.base
    ? await findPinnedBase(table, team, lineage.base)
    : forBase === undefined
      ? undefined
      : (await findBase(table, team, forBase))?.value;
  const { parents = [], datasets = [] } = lineage;
  const own = await Promise.all(
    parents
      .filter(({ adapter }) => splitRef(adapter).owner === undefined)
      .map(async ({ versionId }) => (await findVersion(table, team, versionId))?.value),
  );
  const shared = own.length < parents.length ? await sharedRoots(table, team, lineage) : [];
  const roots = [
    ...datasets.map(({ id }) => ({ team, id })),
    ...[base, ...own].flatMap((made) => (made ? rootsOf(made) : [])),
    ...shared,
  ];
  return splitRoots(team, roots);
}

async function sharedRoots(table: RecordTable, team: string, { jobId }: Lineage): Promise<readonly DatasetRoot[]> {
  const job = jobId === undefined ? undefined : await findJob(table, team, jobId);
  return (job?.value.shared ?? []).flatMap(({ roots }) => roots);
}

/** As records keep them, each once; the order is the same each time. */
function splitRoots(team: string, roots: readonly DatasetRoot[]): Roots {
  const ids = roots.filter((root) => root.team === team).map(({ id }) => id);
  const others = new Map(roots.filter((root) => root.team !== team).map((root) => [root.id, root]));
  return {
    datasetRoots: [...new Set(ids)].toSorted(),
    otherRoots: [...others.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}
