import { listLineage as operation } from '../../shared/contract/lineage.ts';
import { DomainError } from '../../shared/errors.ts';
import type { RecordTable } from '../../shared/platform/ports.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import { getBaseRecord } from '../../shared/records/bases.ts';
import { getDatasetRecord } from '../../shared/records/datasets.ts';
import { keys } from '../../shared/records/keys.ts';
import { neighboursOf, walkLineage, type Direction, type Thing } from '../../shared/records/lineage.ts';
import { getReadable } from '../../shared/records/shares.ts';
import { findVersion, resolveVersion, versionNumberRecord } from '../../shared/records/versions.ts';
import { handler } from '../http/handler.ts';

/** A page is a part of the same walk, which is bounded: it is walked again for each. */
export const listLineage = handler(operation, async ({ world: { table } }, { team }, { query }) => {
  const { of, direction, limit, cursor } = query;
  const begin = cursor === undefined ? 0 : Number(/^\d{1,6}$/.exec(cursor)?.[0] ?? NaN);
  if (Number.isNaN(begin))
    throw new DomainError('bad-cursor', 'This cursor does not belong to this list: begin again without one.');
  const nodes = await walkLineage(table, team, await rootsOf(table, team, of, direction), direction);
  const end = begin + limit;
  return { items: nodes.slice(begin, end), ...(end < nodes.length ? { next: String(end) } : {}) };
});

async function rootsOf(table: RecordTable, team: string, of: string, direction: Direction): Promise<Thing[]> {
  const [, kind, name = '', version] = /^(datasets|bases|adapters)\/([^/@]+)(?:@(.+))?$/.exec(of) ?? [];
  switch (kind) {
    case 'datasets': {
      const { id } = (await getDatasetRecord(table, team, name)).value;
      return [{ kind: 'dataset', id, name }];
    }
    case 'bases': {
      const { id } = (await getBaseRecord(table, team, name)).value;
      return [{ kind: 'base', id, name }];
    }
    case 'adapters':
      return version === undefined && direction === 'down'
        ? allVersions(table, team, name)
        : [thingOf((await resolveVersion(table, team, name, version ?? 'latest')).version.value)];
    default:
      return [await thingOfId(table, team, of)];
  }
}

const thingOf = ({ id, adapter, version }: { id: string; adapter: string; version: number | null }): Thing => ({
  kind: 'version',
  id,
  name: adapter,
  ...(version === null ? {} : { version }),
});

/** What was made with any version of an adapter. */
async function allVersions(table: RecordTable, team: string, name: string): Promise<Thing[]> {
  const { id, team: owner } = (await getReadable(table, team, name)).value;
  const things: Thing[] = [];
  for await (const record of allRecords(table, { partition: keys.versionNumber(owner, id, 0).partition })) {
    const version = Number(record.key.sort);
    things.push({ kind: 'version', id: versionNumberRecord.parse(record.value).versionId, name, version });
  }
  return things;
}

/** By an id: what is there, or was, as those say that it belongs to. Throws `DomainError('not-found')`. */
async function thingOfId(table: RecordTable, team: string, id: string): Promise<Thing> {
  const version = await findVersion(table, team, id);
  if (version) return thingOf(version.value);
  for (const [near, back] of [
    ['down', 'up'],
    ['up', 'down'],
  ] as const)
    for (const { id: other } of (await neighboursOf(table, team, id, near)).slice(0, 1)) {
      const found = (await neighboursOf(table, team, other, back)).find((thing) => thing.id === id);
      if (found) return found;
    }
  throw new DomainError(
    'not-found',
    `Nothing is known of "${id}": say datasets/NAME, bases/NAME, adapters/NAME or an id.`,
  );
}
