import type { JsonObject, NewRecord, RecordKey, StoredRecord } from '../platform/ports.ts';

/** A record as DynamoDB keeps it. */
export interface RecordItem {
  readonly pk: string;
  readonly sk: string;
  readonly revision: number;
  /**
   * The value as JSON: DynamoDB's own numbers end at 38 digits and 1e125, its maps at 32 levels, and what its items count for depends on
   * what is in them.
   */
  readonly content: string;
  /** Fields of the value that were counted: they stand here instead, so that adding is one write. */
  readonly counters?: Readonly<Record<string, number>>;
  readonly expiresAt?: number;
  readonly pk1?: string;
  readonly sk1?: string;
  readonly pk2?: string;
  readonly sk2?: string;
}

export function toItem(record: NewRecord, revision: number, counters?: RecordItem['counters']): RecordItem {
  const { key, index1, index2, expiresAt } = record;
  return {
    pk: key.partition,
    sk: key.sort,
    revision,
    content: JSON.stringify(record.value),
    ...(counters ? { counters } : {}),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(index1 ? { pk1: index1.partition, sk1: index1.sort } : {}),
    ...(index2 ? { pk2: index2.partition, sk2: index2.sort } : {}),
  };
}

/** `item` was written by `toItem` and the updates of `DynamoTable` alone. */
export function toRecord(item: object): StoredRecord {
  const { pk, sk, revision, content, counters, expiresAt, pk1, sk1, pk2, sk2 } = item as RecordItem;
  const index1 = indexKey(pk1, sk1);
  const index2 = indexKey(pk2, sk2);
  return {
    key: { partition: pk, sort: sk },
    value: { ...(JSON.parse(content) as JsonObject), ...counters },
    revision,
    ...(index1 ? { index1 } : {}),
    ...(index2 ? { index2 } : {}),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

/** Whether it counts as absent; `now` in seconds. */
export function hasExpired(item: object, now: number): boolean {
  const { expiresAt } = item as RecordItem;
  return expiresAt !== undefined && expiresAt <= now;
}

export const itemKey = ({ partition, sort }: RecordKey): { pk: string; sk: string } => ({ pk: partition, sk: sort });

const indexKey = (partition: string | undefined, sort: string | undefined): RecordKey | undefined =>
  partition === undefined || sort === undefined ? undefined : { partition, sort };
