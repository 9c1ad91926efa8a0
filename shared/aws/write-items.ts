import type { RecordKey, NewRecord, RecordWrite, WriteCondition } from '../platform/ports.ts';
import { itemKey, toItem, type RecordItem } from './record-items.ts';

/** A condition with the values it names. */
export interface ItemCondition {
  readonly ConditionExpression?: string;
  readonly ExpressionAttributeValues?: Readonly<Record<string, string | number>>;
}

const expired = 'expiresAt <= :now';
/** An attribute that is absent makes a comparison false. */
const alive = `(attribute_not_exists(expiresAt) OR expiresAt > :now)`;

/** `now` in seconds: an expired item counts as absent. */
export function itemCondition(condition: WriteCondition | undefined, now: number): ItemCondition {
  if (!condition) return {};
  if ('ifAbsent' in condition) return absent(now);
  return {
    ConditionExpression: `revision = :revision AND ${alive}`,
    ExpressionAttributeValues: { ':revision': condition.ifRevision, ':now': now },
  };
}

const absent = (now: number): ItemCondition => ({
  ConditionExpression: `attribute_not_exists(pk) OR ${expired}`,
  ExpressionAttributeValues: { ':now': now },
});

/** What a put under a condition writes; the condition gives its revision. */
export function conditionalPut(
  record: NewRecord,
  condition: WriteCondition,
  now: number,
): ItemCondition & { Item: RecordItem } {
  const revision = 'ifAbsent' in condition ? 1 : condition.ifRevision + 1;
  return { Item: toItem(record, revision), ...itemCondition(condition, now) };
}

/** Replaces everything of an item but its revision, which it raises, in one write. */
export function replacement(record: NewRecord): {
  readonly Key: { pk: string; sk: string };
  readonly UpdateExpression: string;
  readonly ExpressionAttributeValues: Record<string, string | number>;
} {
  const { pk, sk, revision: _revision, counters: _counters, ...written } = toItem(record, 0);
  const optional = ['counters', 'expiresAt', 'pk1', 'sk1', 'pk2', 'sk2'] as const;
  const removed = optional.filter((name) => !Object.hasOwn(written, name));
  const set = Object.keys(written).map((name) => `${name} = :${name}`);
  return {
    Key: { pk, sk },
    UpdateExpression: `SET revision = if_not_exists(revision, :zero) + :one, ${set.join(', ')} REMOVE ${removed.join(', ')}`,
    ExpressionAttributeValues: {
      ':zero': 0,
      ':one': 1,
      ...Object.fromEntries(Object.entries(written).map(([name, value]) => [`:${name}`, value])),
    },
  };
}

/** What keeps an expired item from being replaced as if it were alive. */
export const aliveCondition = (now: number): Required<ItemCondition> => ({
  ConditionExpression: alive,
  ExpressionAttributeValues: { ':now': now },
});

/**
 * Adds to a counter of an item that is alive, where the sum stays from `low` to `high` and the record is small enough for any sum; else the
 * condition fails.
 */
export function addition(
  key: RecordKey,
  field: string,
  by: number,
  bounds: { low: number; high: number; now: number },
) {
  const { low, high, now } = bounds;
  return {
    Key: itemKey(key),
    UpdateExpression: 'SET counters.#field = counters.#field + :by, revision = revision + :one',
    ConditionExpression: `counters.#field BETWEEN :low AND :high AND size(content) < :small AND ${alive}`,
    ExpressionAttributeNames: { '#field': field },
    ExpressionAttributeValues: {
      ':by': by,
      ':one': 1,
      ':low': low,
      ':high': high,
      ':small': smallContentBytes,
      ':now': now,
    },
  };
}

/** Half of what fits: the other half holds more digits than any counters have. */
const smallContentBytes = 200_000;

/** One write of a transaction. */
export function transactItem(write: RecordWrite, TableName: string, now: number) {
  if ('put' in write) {
    return write.condition
      ? { Put: { TableName, ...conditionalPut(write.put, write.condition, now) } }
      : { Update: { TableName, ...replacement(write.put) } };
  }
  if ('delete' in write)
    return { Delete: { TableName, Key: itemKey(write.delete), ...itemCondition(write.condition, now) } };
  const { ConditionExpression = '', ...rest } = itemCondition(write.condition, now);
  return { ConditionCheck: { TableName, Key: itemKey(write.check), ConditionExpression, ...rest } };
}
