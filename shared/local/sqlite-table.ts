import { createHash } from 'node:crypto';
import { DomainError, invariant } from '../errors.ts';
import { limits } from '../limits.ts';
import {
  ConditionError,
  type JsonObject,
  type NewRecord,
  type RecordKey,
  type RecordQuery,
  type RecordTable,
  type RecordWrite,
  type StoredRecord,
  type WriteCondition,
} from '../platform/ports.ts';
import { checkKey, checkQuery, checkRecord, checkTransaction, writeKey } from '../platform/record-checks.ts';
import { sortRange } from '../platform/sort-range.ts';
import type { LocalDatabase } from './database.ts';

/** `value` is JSON; `expires_at` is in seconds since 1970. */
export const recordSchema = `
  CREATE TABLE IF NOT EXISTS records (
    partition TEXT NOT NULL, sort TEXT NOT NULL, revision INTEGER NOT NULL, value TEXT NOT NULL, expires_at INTEGER,
    index1_partition TEXT, index1_sort TEXT, index2_partition TEXT, index2_sort TEXT,
    PRIMARY KEY (partition, sort)
  );
  CREATE INDEX IF NOT EXISTS records_index1 ON records (index1_partition, index1_sort) WHERE index1_partition IS NOT NULL;
  CREATE INDEX IF NOT EXISTS records_index2 ON records (index2_partition, index2_sort) WHERE index2_partition IS NOT NULL;
  CREATE INDEX IF NOT EXISTS records_expiry ON records (expires_at) WHERE expires_at IS NOT NULL;
  CREATE TABLE IF NOT EXISTS transaction_tokens (token TEXT PRIMARY KEY, digest TEXT NOT NULL, expires_at INTEGER NOT NULL);
`;

interface Row {
  readonly partition: string;
  readonly sort: string;
  readonly revision: number;
  readonly value: string;
  readonly expires_at: number | null;
  readonly index1_partition: string | null;
  readonly index1_sort: string | null;
  readonly index2_partition: string | null;
  readonly index2_sort: string | null;
}

/** Records in a SQLite file. Text columns compare as UTF-8 bytes, which is the order the port asks for. */
export class SqliteTable implements RecordTable {
  readonly #database: LocalDatabase;
  readonly #now: () => number;

  constructor(database: LocalDatabase, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  async get(key: RecordKey): Promise<StoredRecord | undefined> {
    checkKey(key);
    return this.#find(key);
  }

  async put(record: NewRecord, condition?: WriteCondition): Promise<StoredRecord> {
    checkRecord(record);
    return this.#database.write(() => {
      this.#apply([{ put: record, ...(condition ? { condition } : {}) }]);
      const stored = this.#find(record.key);
      // a record whose time is already over is written and seen by no one
      return stored ?? { ...record, revision: 1 };
    });
  }

  async delete(key: RecordKey, condition?: WriteCondition): Promise<void> {
    checkKey(key);
    this.#database.write(() => this.#apply([{ delete: key, ...(condition ? { condition } : {}) }]));
  }

  async query(query: RecordQuery): Promise<{ records: readonly StoredRecord[]; next?: string }> {
    checkQuery(query);
    const prefix = query.index ? `${query.index}_` : '';
    const { above, from, below } = sortRange(query);
    const bounds = [
      ['>', above],
      ['>=', from],
      ['<', below],
    ] as const;
    const used = bounds.flatMap(([operator, bound]) => (bound === undefined ? [] : [{ operator, bound }]));
    const rows = this.#database
      .prepare<Row>(
        `SELECT * FROM records WHERE ${prefix}partition = ? AND (expires_at IS NULL OR expires_at > ?)
         ${used.map(({ operator }) => `AND ${prefix}sort ${operator} ?`).join(' ')}
         ORDER BY ${prefix}sort ${query.reverse ? 'DESC' : 'ASC'} LIMIT ?`,
      )
      .all(query.partition, this.#seconds(), ...used.map(({ bound }) => bound), query.limit + 1);
    const page = rows.slice(0, query.limit);
    const last = page.at(-1);
    const next = rows.length > query.limit && last ? last[`${prefix}sort` as 'sort'] : undefined;
    return { records: page.map(toRecord), ...(next === undefined ? {} : { next }) };
  }

  async increment(key: RecordKey, field: string, by: number, options: { readonly max?: number } = {}): Promise<number> {
    checkKey(key);
    invariant(Number.isSafeInteger(by), `whole numbers are added, not ${by}`);
    return this.#database.write(() => {
      const found = this.#find(key);
      const old = found?.value[field] ?? 0;
      if (typeof old !== 'number' || !Number.isSafeInteger(old + by)) {
        throw new DomainError('not-a-whole-number', `"${field}" holds nothing that ${by} can be added to.`);
      }
      const sum = old + by;
      if (options.max !== undefined && sum > options.max) throw new ConditionError([0]);
      const record: NewRecord = { ...(found ?? { key }), value: { ...found?.value, [field]: sum } };
      checkRecord(record);
      this.#apply([{ put: record }]);
      return sum;
    });
  }

  async transact(writes: readonly RecordWrite[], { token }: { readonly token: string }): Promise<void> {
    checkTransaction(writes, token);
    const digest = createHash('sha256').update(JSON.stringify(writes)).digest('hex');
    this.#database.write(() => {
      this.#database.prepare('DELETE FROM transaction_tokens WHERE expires_at <= ?').run(this.#seconds());
      const done = this.#database
        .prepare<{ digest: string }>('SELECT digest FROM transaction_tokens WHERE token = ?')
        .get(token);
      if (done?.digest === digest) return;
      if (done) throw new DomainError('token-reused', 'This token was used for another transaction: make a new one.');
      this.#apply(writes);
      this.#database
        .prepare('INSERT INTO transaction_tokens VALUES (?, ?, ?)')
        .run(token, digest, this.#seconds() + limits.transactionTokenSeconds);
    });
  }

  /** Removes expired records and tokens, which nobody sees anyway. */
  sweep(): void {
    this.#database.write(() => {
      this.#database.prepare('DELETE FROM records WHERE expires_at <= ?').run(this.#seconds());
      this.#database.prepare('DELETE FROM transaction_tokens WHERE expires_at <= ?').run(this.#seconds());
    });
  }

  /** Within a transaction: checks every condition, then writes. */
  #apply(writes: readonly RecordWrite[]): void {
    const found = writes.map((write) => this.#find(writeKey(write)));
    const failed = writes.flatMap(({ condition }, at) => (holds(condition, found[at]) ? [] : [at]));
    if (failed.length > 0) throw new ConditionError(failed);
    for (const [at, write] of writes.entries()) {
      if ('put' in write) this.#store(write.put, (found[at]?.revision ?? 0) + 1);
      if ('delete' in write) {
        const { partition, sort } = write.delete;
        this.#database.prepare('DELETE FROM records WHERE partition = ? AND sort = ?').run(partition, sort);
      }
    }
    for (const write of writes) if ('put' in write) this.#refuseSharedIndexKeys(write.put);
  }

  #store({ key, value, expiresAt, index1, index2 }: NewRecord, revision: number): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        key.partition,
        key.sort,
        revision,
        JSON.stringify(value),
        expiresAt ?? null,
        index1?.partition ?? null,
        index1?.sort ?? null,
        index2?.partition ?? null,
        index2?.sort ?? null,
      );
  }

  /** DynamoDB would take them and lose one at the end of a page; here the mistake is seen at once. */
  #refuseSharedIndexKeys(record: NewRecord): void {
    for (const index of ['index1', 'index2'] as const) {
      const key = record[index];
      if (!key) continue;
      const rows = this.#database
        .prepare(
          `SELECT 1 FROM records WHERE ${index}_partition = ? AND ${index}_sort = ?
           AND (expires_at IS NULL OR expires_at > ?) LIMIT 2`,
        )
        .all(key.partition, key.sort, this.#seconds());
      invariant(rows.length <= 1, `two records have the key "${key.sort}" in ${index}: end it with an id`);
    }
  }

  #find({ partition, sort }: RecordKey): StoredRecord | undefined {
    const row = this.#database
      .prepare<Row>('SELECT * FROM records WHERE partition = ? AND sort = ? AND (expires_at IS NULL OR expires_at > ?)')
      .get(partition, sort, this.#seconds());
    return row && toRecord(row);
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000);
  }
}

function holds(condition: WriteCondition | undefined, found: StoredRecord | undefined): boolean {
  if (!condition) return true;
  return 'ifAbsent' in condition ? found === undefined : found?.revision === condition.ifRevision;
}

function toRecord(row: Row): StoredRecord {
  const index1 = indexKey(row.index1_partition, row.index1_sort);
  const index2 = indexKey(row.index2_partition, row.index2_sort);
  return {
    key: { partition: row.partition, sort: row.sort },
    value: JSON.parse(row.value) as JsonObject, // written by this class alone
    revision: row.revision,
    ...(index1 ? { index1 } : {}),
    ...(index2 ? { index2 } : {}),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
  };
}

const indexKey = (partition: string | null, sort: string | null): RecordKey | undefined =>
  partition === null || sort === null ? undefined : { partition, sort };
