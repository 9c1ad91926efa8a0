import { z } from 'zod';
import { lineageKinds, type LineageNode } from '../contract/lineage.ts';
import type { Lineage } from '../contract/versions.ts';
import { splitRef } from '../domain/adapter-ref.ts';
import { limits } from '../limits.ts';
import type { RecordTable, RecordWrite, World } from '../platform/ports.ts';
import { allRecords } from './all-records.ts';
import { findBase } from './bases.ts';
import { transactSurely } from './commit.ts';
import { findDataset } from './datasets.ts';
import { keys } from './keys.ts';
import { findReadable } from './shares.ts';
import { recordValue } from './stored.ts';
import { findVersion } from './versions.ts';

const thingSchema = z.object({
  kind: z.enum(lineageKinds),
  id: z.string(),
  name: z.string(),
  version: z.int().optional(),
});
/** Something that others are made with, or that is made of others. */
export type Thing = z.output<typeof thingSchema>;

const edgeSchema = z.object({ parent: thingSchema, child: thingSchema });

export type Direction = 'up' | 'down';

/**
 * Notes, in both directions, of what a thing is made, before it is published: there is nothing published that is not noted. What is noted
 * and never published leads to nothing, and is told as gone.
 */
export async function noteLineage(
  world: Pick<World, 'table' | 'randomBytes'>,
  team: string,
  child: Thing,
  parents: readonly Thing[],
): Promise<void> {
  // of two that are alike a transaction takes none
  const named = [...new Map(parents.map((parent) => [parent.id, parent])).values()];
  for (let at = 0; at < named.length; at += parentsAtOnce)
    await transactSurely(
      world,
      named.slice(at, at + parentsAtOnce).flatMap((parent): RecordWrite[] => {
        const value = recordValue({ parent, child });
        const both = [keys.madeWith(team, parent.id, child.id), keys.madeOf(team, child.id, parent.id)];
        return both.map((key) => ({ put: { key, value } }));
      }),
    );
}

/** Two records each: a transaction takes a hundred. */
const parentsAtOnce = 40;

/** The things that a lineage names; `base` where it names none and the thing is for one all the same. */
export function parentsOf({ base, datasets = [], parents = [] }: Lineage, forBase?: Thing): Thing[] {
  return [
    ...(base ? [{ kind: 'base' as const, id: base.id, name: base.name }] : forBase ? [forBase] : []),
    ...datasets.map(({ id, name }) => ({ kind: 'dataset' as const, id, name })),
    ...parents.map(({ versionId, adapter, version }) => ({
      kind: 'version' as const,
      id: versionId,
      name: adapter,
      version,
    })),
  ];
}

/** What is one step away from a thing, as far as the team knows; `max` of it and perhaps one more. */
export async function neighboursOf(
  table: RecordTable,
  team: string,
  id: string,
  direction: Direction,
  max: number = limits.lineageNodesMax,
): Promise<readonly Thing[]> {
  const { partition } = direction === 'down' ? keys.madeWith(team, id, '') : keys.madeOf(team, id, '');
  const found: Thing[] = [];
  for await (const { value } of allRecords(table, { partition })) {
    const { parent, child } = edgeSchema.parse(value);
    found.push(direction === 'down' ? child : parent);
    if (found.length > max) break;
  }
  return found;
}

/** Things by steps from the roots, each once, at most `max` beside them; the order is the same each time. */
export async function walkLineage(
  table: RecordTable,
  team: string,
  roots: readonly Thing[],
  direction: Direction,
  max: number = limits.lineageNodesMax,
): Promise<LineageNode[]> {
  const seen = new Set(roots.map(({ id }) => id));
  const nodes: LineageNode[] = [];
  for (let [level, depth] = [[...roots], 0]; level.length > 0; depth++) {
    const next: Thing[] = [];
    for (const thing of level) {
      const near = await neighboursOf(table, team, thing.id, direction, Math.max(max, limits.lineageNodesMax));
      const state = await stateOf(table, team, thing);
      nodes.push({ ...thing, state, depth, next: near.map(({ id }) => id) });
      for (const one of near) {
        if (seen.has(one.id) || seen.size >= max) continue;
        seen.add(one.id);
        next.push(one);
      }
    }
    level = next;
  }
  return nodes;
}

async function stateOf(table: RecordTable, team: string, { kind, id, name }: Thing): Promise<LineageNode['state']> {
  if (kind === 'dataset') return (await findDataset(table, team, name))?.value.id === id ? 'there' : 'gone';
  if (kind === 'base') return (await findBase(table, team, name))?.value.id === id ? 'there' : 'gone';
  const { owner = team } = splitRef(name);
  const version = (await findVersion(table, owner, id))?.value;
  if (version?.state !== 'published' && version?.state !== 'withdrawn') return 'gone';
  const adapter = (await findReadable(table, team, name))?.value;
  if (adapter?.id !== version.adapterId) return 'gone';
  return version.state === 'withdrawn' ? 'withdrawn' : 'there';
}
