import { DomainError, UnavailableError } from '../errors.ts';
import {
  ConditionError,
  type JsonObject,
  type RecordKey,
  type RecordTable,
  type RecordWrite,
  type World,
} from '../platform/ports.ts';
import type { Caller } from './caller.ts';
import { commit } from './commit.ts';
import { keys, lists } from './keys.ts';
import { findPurge, readPurge, type RestorableKind } from './purges.ts';
import type { Stored } from './stored.ts';

/** What shall be there again. */
export interface Restoration<T> {
  readonly kind: RestorableKind;
  readonly name: string;
  /** Where it stood. */
  readonly key: RecordKey;
  /** What is written, the thing itself first, and what is answered. `deletedAt` is ISO 8601. Throws `DomainError` where it cannot be. */
  readonly plan: (
    record: JsonObject,
    deletedAt: string,
  ) => Promise<{ readonly writes: readonly RecordWrite[]; readonly result: T }>;
}

/**
 * Brings back what was deleted last under a name, with all that it led to. It takes the note of the purge away in the same transaction, so
 * whoever lets the bytes go, which begins with that note as well, comes before or after and never in between. Throws
 * `DomainError('not-found' | 'name-taken')`.
 */
export async function restoreDeleted<T>(
  world: World,
  caller: Caller,
  { kind, name, key, plan }: Restoration<T>,
): Promise<T> {
  const { table } = world;
  const { team } = caller;
  for (let attempt = 1; ; attempt++) {
    if (await table.get(key)) throw nameTaken(kind, name);
    const deleted = await findDeleted(table, team, kind, name);
    if (!deleted)
      throw new DomainError(
        'not-found',
        `There is no deleted ${kind} "${name}" to bring back: there was none, or its files are gone by now.`,
      );
    const { id, record, since } = deleted.value;
    const { writes, result } = await plan(record, since);
    const change = { action: `${kind}.restore`, resource: `${kind}s/${name}`, detail: { id, deletedAt: since } };
    const unnoted: RecordWrite = { delete: keys.purge(team, id), condition: { ifRevision: deleted.revision } };
    try {
      await commit(world, caller, change, [...writes, unnoted]);
      return result;
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      if (attempt === attemptsMax)
        throw new UnavailableError(`The ${kind} was changed while it was brought back: try again.`, { cause: error });
    }
  }
}

/** Each look that is in vain means that somebody else was faster, and few can be: after a purge there is nothing to look at. */
const attemptsMax = 5;

const nameTaken = (kind: string, name: string): DomainError =>
  new DomainError('name-taken', `The ${kind} "${name}" is there: what had its name before comes back only without it.`);

type Deleted = Stored<{ readonly id: string; readonly since: string; readonly record: JsonObject }>;

/** The last one, unless its bytes go already. */
export async function findDeleted(
  table: RecordTable,
  team: string,
  kind: RestorableKind,
  name: string,
): Promise<Deleted | undefined> {
  const list = { partition: lists.deleted(team, kind), index: 'index2', prefix: `${name}#` } as const;
  const { records } = await table.query({ ...list, reverse: true, limit: lookedAtMax });
  for (const listed of records) {
    // the list may lag behind: one that came back may still be on it
    const purge = await findPurge(table, team, readPurge(listed).value.id);
    if (purge?.value.record) return { ...purge, value: { ...purge.value, record: purge.value.record } };
  }
  return undefined;
}

const lookedAtMax = 5;
