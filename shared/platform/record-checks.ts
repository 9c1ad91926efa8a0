import { DomainError, invariant } from '../errors.ts';
import { limits } from '../limits.ts';
import type { JsonValue, NewRecord, RecordKey, RecordQuery, RecordWrite } from './ports.ts';

/** Refuses what DynamoDB refuses, in every world alike; returns the bytes the record counts for. */
export function checkRecord(record: NewRecord): number {
  for (const key of [record.key, record.index1, record.index2]) if (key) checkKey(key);
  invariant(
    record.expiresAt === undefined || (Number.isSafeInteger(record.expiresAt) && record.expiresAt > 0),
    `a record expires at a whole second, not at ${record.expiresAt}`,
  );
  checkValue(record.value, 1);
  const sizeBytes = recordSizeBytes(record);
  if (sizeBytes > limits.recordBytesMax) {
    throw tooLarge(
      `The record "${record.key.sort}" has ${sizeBytes} bytes, at most ${limits.recordBytesMax}: keep large content in a blob.`,
    );
  }
  return sizeBytes;
}

/** Refuses a transaction that is too large or touches a record twice. */
export function checkTransaction(writes: readonly RecordWrite[], token: string): void {
  invariant(
    token.length >= 1 && token.length <= limits.transactionTokenCharsMax,
    `a token has 1 to ${limits.transactionTokenCharsMax} characters, not ${token.length}`,
  );
  invariant(writes.length > 0, 'a transaction has at least one write');
  if (writes.length > limits.transactionWritesMax) {
    throw tooLarge(
      `A transaction takes at most ${limits.transactionWritesMax} writes, not ${writes.length}: split the change.`,
    );
  }
  const seen = new Set<string>();
  let sizeBytes = 0;
  for (const write of writes) {
    const key = writeKey(write);
    checkKey(key);
    const name = JSON.stringify([key.partition, key.sort]);
    if (seen.has(name)) throw tooLarge(`A transaction touches the record "${key.sort}" twice: make it one write.`);
    seen.add(name);
    sizeBytes += 'put' in write ? checkRecord(write.put) : keyBytes(key);
  }
  if (sizeBytes > limits.transactionBytesMax) {
    throw tooLarge(
      `A transaction takes at most ${limits.transactionBytesMax} bytes, not ${sizeBytes}: split the change.`,
    );
  }
}

export function checkQuery(query: RecordQuery): void {
  invariant(
    Number.isSafeInteger(query.limit) && query.limit >= 1 && query.limit <= limits.queryRecordsMax,
    `a page has 1 to ${limits.queryRecordsMax} records, not ${query.limit}`,
  );
}

/** Keys are made by our own code, so a bad one is our bug. */
export function checkKey(key: RecordKey): void {
  checkText(key.partition, limits.partitionKeyBytesMax);
  checkText(key.sort, limits.sortKeyBytesMax);
}

export function writeKey(write: RecordWrite): RecordKey {
  return 'put' in write ? write.put.key : 'delete' in write ? write.delete : write.check;
}

/** Bytes a record counts for: its keys and its value as JSON. */
export function recordSizeBytes(record: NewRecord): number {
  const keys = [record.key, record.index1, record.index2].reduce((sum, key) => sum + (key ? keyBytes(key) : 0), 0);
  return keys + Buffer.byteLength(JSON.stringify(record.value));
}

function checkText(text: string, bytesMax: number): void {
  const sizeBytes = Buffer.byteLength(text);
  invariant(sizeBytes >= 1 && sizeBytes <= bytesMax, `a key has 1 to ${bytesMax} bytes, not ${sizeBytes}`);
  invariant(
    !/[\0\p{Surrogate}]/u.test(text),
    `a key is well-formed text without U+0000, unlike ${JSON.stringify(text)}`,
  );
}

function checkValue(value: JsonValue, depth: number): void {
  if (typeof value === 'number') invariant(Number.isFinite(value), `JSON has no ${value}`);
  if (typeof value !== 'object' || value === null) return;
  invariant(depth <= limits.recordNestingMax, `a record's value nests at most ${limits.recordNestingMax} levels`);
  for (const inner of Object.values(value)) checkValue(inner, depth + 1);
}

const keyBytes = (key: RecordKey): number => Buffer.byteLength(key.partition) + Buffer.byteLength(key.sort);

const tooLarge = (message: string): DomainError => new DomainError('record-too-large', message);
