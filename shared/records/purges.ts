import { z } from 'zod';
import { limits } from '../limits.ts';
import type { JsonObject, RecordTable, RecordWrite, StoredRecord, World } from '../platform/ports.ts';
import { keys, lists, timeSort } from './keys.ts';
import { recordValue, stored, type Stored } from './stored.ts';

const purgeKinds = ['adapter', 'version', 'dataset', 'base', 'job'] as const;

const purgeRecord = z.object({
  /** Of the thing. */
  id: z.string(),
  team: z.string(),
  kind: z.enum(purgeKinds),
  /** Of what is found by it. */
  name: z.string().nullable(),
  /** `deleted`: the thing is out of reach; `rejected`: only its bytes go; `ended`: only what a job left on its way goes. */
  why: z.enum(['deleted', 'rejected', 'ended']),
  since: z.string(),
  /** Not before. */
  dueAt: z.string(),
  /** It was due once and in use. */
  held: z.boolean(),
  /** What was deleted as it was, for jobs that were made with it and for whoever wants it back; null once its bytes go. */
  record: z.custom<JsonObject>((value) => typeof value === 'object' && value !== null).nullable(),
});
/** Something whose bytes go at a stated time. */
export type PurgeRecord = z.output<typeof purgeRecord>;

/** What is found by its name, and is there again when the note of its purge is taken away. */
export type RestorableKind = Extract<PurgeRecord['kind'], 'adapter' | 'dataset' | 'base'>;

const keptSeconds: Readonly<Record<PurgeRecord['why'], number>> = {
  deleted: limits.deletedKeptSeconds,
  rejected: limits.rejectedKeptSeconds,
  ended: limits.jobTracesKeptSeconds,
};

export interface NewPurge extends Pick<PurgeRecord, 'id' | 'team' | 'kind' | 'why'> {
  readonly name?: string;
  /** Of a deleted adapter, dataset or base. */
  readonly record?: object;
  /** Seconds until it is due; absent: as long as its kind is kept. */
  readonly keptSeconds?: number;
}

/**
 * Notes, in the transaction after which something is of no more use, that its bytes go and when. It takes the place of an earlier note: a
 * rejected thing may be deleted, and then goes with what was deleted.
 */
export function purgeWrite({ now }: Pick<World, 'now'>, purge: NewPurge): RecordWrite {
  const { id, team, kind, why, name = null, record } = purge;
  const at = now();
  return changeWrite({
    id,
    team,
    kind,
    name,
    why,
    since: new Date(at).toISOString(),
    dueAt: new Date(at + 1000 * (purge.keptSeconds ?? keptSeconds[why])).toISOString(),
    held: false,
    record: record ? recordValue(record) : null,
  });
}

/** The purge of this revision, changed. */
export function purgeChange(value: PurgeRecord, revision: number): PutWrite {
  return { ...changeWrite(value), condition: { ifRevision: revision } };
}

type PutWrite = Extract<RecordWrite, { readonly put: unknown }>;

function changeWrite(value: PurgeRecord): PutWrite {
  const { team, id, kind, name, since, record } = value;
  return {
    put: {
      key: keys.purge(team, id),
      value: recordValue(value),
      index1: { partition: keys.activePurges, sort: timeSort(value.dueAt, id) },
      ...(record && name !== null
        ? { index2: { partition: lists.deleted(team, kind), sort: `${name}#${timeSort(since, id)}` } }
        : {}),
    },
  };
}

export async function findPurge(
  table: RecordTable,
  team: string,
  id: string,
): Promise<Stored<PurgeRecord> | undefined> {
  const record = await table.get(keys.purge(team, id));
  return record && readPurge(record);
}

export function readPurge(record: StoredRecord): Stored<PurgeRecord> {
  return stored(purgeRecord, record);
}
