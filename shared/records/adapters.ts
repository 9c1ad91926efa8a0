import { z } from 'zod';
import type { Adapter } from '../contract/adapters.ts';
import { protectionSchema } from '../contract/protections.ts';
import { DomainError } from '../errors.ts';
import type { JsonObject, RecordTable, RecordWrite, StoredRecord, World } from '../platform/ports.ts';
import type { Caller } from './caller.ts';
import { newId } from './commit.ts';
import { keys, lists } from './keys.ts';
import { recordValue, stored, type Stored } from './stored.ts';

const adapterRecord = z.object({
  id: z.string(),
  team: z.string(),
  name: z.string(),
  base: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  /** Alias -> number of the version; `latest` included. */
  aliases: z.record(z.string(), z.int()),
  /** Number of the newest published version; 0 before the first. */
  versions: z.int(),
  /** Of aliases, there or not, that only a promotion moves. */
  protections: z.record(z.string(), protectionSchema).optional(),
  /** By the team that reads it. */
  shares: z.record(z.string(), z.object({ since: z.string(), sharedBy: z.string() })).optional(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type AdapterRecord = z.output<typeof adapterRecord>;

/** An adapter to be, without versions. */
export function newAdapter(
  world: Pick<World, 'now' | 'randomBytes'>,
  { team }: Pick<Caller, 'team'>,
  given: Pick<AdapterRecord, 'name' | 'base' | 'description' | 'tags'>,
): AdapterRecord {
  const now = new Date(world.now()).toISOString();
  return {
    ...given,
    id: newId(world, 'adp'),
    team,
    tags: [...new Set(given.tags)].toSorted(),
    aliases: {},
    versions: 0,
    createdAt: now,
    updatedAt: now,
  };
}

export async function findAdapter(
  table: RecordTable,
  team: string,
  name: string,
): Promise<Stored<AdapterRecord> | undefined> {
  const record = await table.get(keys.adapter(team, name));
  return record && readAdapter(record);
}

/** Throws `DomainError('not-found')`. */
export async function getAdapterRecord(table: RecordTable, team: string, name: string): Promise<Stored<AdapterRecord>> {
  const found = await findAdapter(table, team, name);
  if (!found) throw new DomainError('not-found', `There is no adapter "${name}".`);
  return found;
}

/** The record of an adapter that stands in another record. */
export function parseAdapter(value: JsonObject): AdapterRecord {
  return adapterRecord.parse(value);
}

export function readAdapter(record: StoredRecord): Stored<AdapterRecord> {
  return stored(adapterRecord, record);
}

/** A new adapter, or a change of the one of this revision. */
export function adapterWrite(value: AdapterRecord, revision?: number): RecordWrite {
  return {
    put: {
      key: keys.adapter(value.team, value.name),
      value: recordValue(value),
      index1: { partition: lists.adapters(value.team), sort: value.name },
      index2: { partition: lists.adaptersOfBase(value.team, value.base), sort: value.name },
    },
    condition: revision === undefined ? { ifAbsent: true } : { ifRevision: revision },
  };
}

/** Look-up records of tags that came and went. */
export function tagWrites(
  { team, name }: Pick<AdapterRecord, 'team' | 'name'>,
  before: readonly string[],
  after: readonly string[],
): RecordWrite[] {
  return [
    ...after
      .filter((tag) => !before.includes(tag))
      .map((tag): RecordWrite => ({ put: { key: keys.tag(team, tag, name), value: { adapter: name } } })),
    ...before.filter((tag) => !after.includes(tag)).map((tag): RecordWrite => ({ delete: keys.tag(team, tag, name) })),
  ];
}

export function presentAdapter({ value, revision }: Stored<AdapterRecord>): Adapter {
  const { team: _team, protections: _protections, shares: _shares, ...shown } = value;
  return { ...shown, revision };
}
