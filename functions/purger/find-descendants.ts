import type { RecordTable } from '../../shared/platform/ports.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import { readAdapter } from '../../shared/records/adapters.ts';
import { readBase } from '../../shared/records/bases.ts';
import { rootsOf, type Descendant, type ErasureRecord } from '../../shared/records/erasures.ts';
import { keys, lists } from '../../shared/records/keys.ts';
import { neighboursOf, walkLineage } from '../../shared/records/lineage.ts';
import { readVersion } from '../../shared/records/versions.ts';

/** What of one team descends from a dataset, by id. */
export interface Descendants {
  readonly versions: Set<string>;
  /** Id of a base and its name. */
  readonly bases: Map<string, string>;
}

/** By team: that of the dataset, and all that were given something that descends from it, whether or not they made anything of it. */
export async function findDescendants(
  table: RecordTable,
  erasure: ErasureRecord,
): Promise<ReadonlyMap<string, Descendants>> {
  const own = await ofOwnTeam(table, erasure);
  const found = new Map([[erasure.team, own]]);
  await spread(table, erasure.team, own.versions, found);
  return found;
}

/** By what was noted of the lineage, and of what an earlier release has published by what its records say. */
async function ofOwnTeam(table: RecordTable, { team, id, dataset }: ErasureRecord): Promise<Descendants> {
  const [versions, bases] = [new Set<string>(), new Map<string, string>()];
  const descends = (made: Descendant): boolean => rootsOf(made).some((root) => root.id === id);
  for (const node of await walkLineage(table, team, [{ kind: 'dataset', id, name: dataset }], 'down', Infinity))
    if (node.kind === 'version') versions.add(node.id);
    else if (node.kind === 'base') bases.set(node.id, node.name);
  for await (const record of allRecords(table, { partition: lists.bases(team), index: 'index1' })) {
    const { value } = readBase(record);
    if (descends(value)) bases.set(value.id, value.name);
  }
  for await (const listed of allRecords(table, { partition: lists.adapters(team), index: 'index1' }))
    for await (const record of allRecords(table, {
      partition: lists.versions(team, readAdapter(listed).value.id),
      index: 'index1',
    })) {
      const { value } = readVersion(record);
      if (descends(value)) versions.add(value.id);
    }
  return { versions, bases };
}

/** Adds what teams that `from` has ever shared anything with have made of these versions of it, and those that they shared that with. */
async function spread(
  table: RecordTable,
  from: string,
  versions: ReadonlySet<string>,
  found: Map<string, Descendants>,
): Promise<void> {
  for await (const { key } of allRecords(table, { partition: keys.reached(from, '').partition })) {
    const team = key.sort;
    const known = found.get(team) ?? { versions: new Set(), bases: new Map() };
    found.set(team, known);
    const fresh = new Set<string>();
    const waiting = [...versions];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop())
      for (const child of await neighboursOf(table, team, id, 'down', Infinity)) {
        if (known.versions.has(child.id) || known.bases.has(child.id)) continue;
        if (child.kind === 'base') known.bases.set(child.id, child.name);
        else {
          known.versions.add(child.id);
          fresh.add(child.id);
        }
        waiting.push(child.id);
      }
    if (fresh.size > 0) await spread(table, team, fresh, found);
  }
}
