import { createHash } from 'node:crypto';
import {
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import type { DynamoDBDocumentClient, TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { DomainError, invariant } from '../errors.ts';
import {
  ConditionError,
  type NewRecord,
  type RecordKey,
  type RecordPage,
  type RecordQuery,
  type RecordTable,
  type RecordWrite,
  type StoredRecord,
  type WriteCondition,
} from '../platform/ports.ts';
import { checkKey, checkQuery, checkRecord, checkTransaction } from '../platform/record-checks.ts';
import { attempt, ConflictError, type Pace } from './attempts.ts';
import { keyCondition } from './key-conditions.ts';
import { hasExpired, itemKey, toItem, toRecord } from './record-items.ts';
import { tableSchema } from './table-schema.ts';
import { digestOf, tokenItem } from './token-items.ts';
import { cancellationOf, isConditionFailure } from './table-errors.ts';
import { addition, aliveCondition, conditionalPut, itemCondition, replacement, transactItem } from './write-items.ts';

export interface DynamoTableOptions {
  /** Without retries of its own. */
  readonly client: DynamoDBDocumentClient;
  readonly table: string;
  readonly now: () => number;
  readonly pace: Pace;
}

/** Records in one DynamoDB table; `tableSchema` says how it is laid out. */
export class DynamoTable implements RecordTable {
  readonly #options: DynamoTableOptions;
  readonly #client: DynamoDBDocumentClient;
  readonly #name: { readonly TableName: string };

  constructor(options: DynamoTableOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#name = { TableName: options.table };
  }

  async get(key: RecordKey): Promise<StoredRecord | undefined> {
    checkKey(key);
    const command = { ...this.#name, Key: itemKey(key), ConsistentRead: true };
    const { Item } = await this.#read(() => this.#client.send(new GetCommand(command)));
    return Item && !hasExpired(Item, this.#seconds()) ? toRecord(Item) : undefined;
  }

  async put(record: NewRecord, condition?: WriteCondition): Promise<StoredRecord> {
    checkRecord(record);
    if (!condition) return this.#replace(record);
    const { Item, ...rest } = conditionalPut(record, condition, this.#seconds());
    await this.#write(() => this.#client.send(new PutCommand({ ...this.#name, Item, ...rest })));
    return toRecord(Item);
  }

  async delete(key: RecordKey, condition?: WriteCondition): Promise<void> {
    checkKey(key);
    const command = { ...this.#name, Key: itemKey(key), ...itemCondition(condition, this.#seconds()) };
    await this.#write(() => this.#client.send(new DeleteCommand(command)));
  }

  async query(query: RecordQuery): Promise<RecordPage> {
    checkQuery(query);
    const asked = keyCondition(query);
    if (!asked) return { records: [] };
    const { beside, ...condition } = asked;
    const { sortKey } = query.index ? tableSchema.indexes[query.index] : tableSchema;
    for (let start: Record<string, unknown> | undefined; ;) {
      const { Items = [], LastEvaluatedKey } = await this.#read(() =>
        this.#client.send(
          new QueryCommand({
            ...this.#name,
            ...condition,
            ...(query.index ? { IndexName: query.index } : { ConsistentRead: true }),
            ...(start ? { ExclusiveStartKey: start } : {}),
            ScanIndexForward: !query.reverse,
            Limit: query.limit + beside.length + 1,
          }),
        ),
      );
      const wanted = Items.filter(
        (item) => !hasExpired(item, this.#seconds()) && !beside.includes(String(item[sortKey])),
      );
      const page = wanted.slice(0, query.limit);
      const last = page.at(-1);
      if (last) {
        const more = LastEvaluatedKey !== undefined || wanted.length > page.length;
        return { records: page.map(toRecord), ...(more ? { next: String(last[sortKey]) } : {}) };
      }
      if (!LastEvaluatedKey) return { records: [] };
      start = LastEvaluatedKey;
    }
  }

  async increment(key: RecordKey, field: string, by: number, options: { readonly max?: number } = {}): Promise<number> {
    checkKey(key);
    invariant(Number.isSafeInteger(by), `whole numbers are added, not ${by}`);
    const { max = Number.MAX_SAFE_INTEGER } = options;
    // the marshaller takes no number beyond the safe ones
    const high = Math.min(Number.MAX_SAFE_INTEGER, Math.min(max, Number.MAX_SAFE_INTEGER) - by);
    const bounds = { low: Number.MIN_SAFE_INTEGER - Math.min(0, by), high };
    return attempt(async () => (await this.#add(key, field, by, bounds)) ?? this.#addSlowly(key, field, by, max), {
      repeatable: false,
      pace: this.#options.pace,
    });
  }

  async transact(writes: readonly RecordWrite[], { token }: { readonly token: string }): Promise<void> {
    checkTransaction(writes, token);
    const now = this.#seconds();
    const digest = createHash('sha256').update(JSON.stringify(writes)).digest('hex');
    const { table } = this.#options;
    const items = [...writes.map((write) => transactItem(write, table, now)), tokenItem(token, digest, table, now)];
    const failed = await attempt(() => this.#tryTransaction(items), { repeatable: true, pace: this.#options.pace });
    if (!failed) return;
    if (failed.digest !== undefined) {
      if (failed.digest === digest) return;
      throw new DomainError('token-reused', 'This token was used for another transaction: make a new one.');
    }
    throw new ConditionError(failed.positions);
  }

  /** What kept it from being done, unless it was done. `digest`: of the transaction that has used the token, the last item's. */
  async #tryTransaction(
    items: TransactWriteCommandInput['TransactItems'] & object,
  ): Promise<{ readonly positions: readonly number[]; readonly digest?: string } | undefined> {
    try {
      await this.#client.send(new TransactWriteCommand({ TransactItems: items }));
      return undefined;
    } catch (error) {
      const cancellation = cancellationOf(error);
      if (!cancellation) throw error;
      if (cancellation.conflicts) throw new ConflictError('another transaction was in the way', { cause: error });
      const { failed } = cancellation;
      const token = failed.find(({ position }) => position === items.length - 1);
      const positions = failed.map(({ position }) => position);
      return token ? { positions, digest: digestOf(token.content) } : { positions };
    }
  }

  /** Writes whatever is there. An expired item is replaced by a new one, which begins at revision 1. */
  async #replace(record: NewRecord): Promise<StoredRecord> {
    const update = replacement(record);
    const now = this.#seconds();
    const alive = aliveCondition(now);
    return attempt(
      async () => {
        try {
          const { Attributes } = await this.#client.send(
            new UpdateCommand({
              ...this.#name,
              ...update,
              ConditionExpression: alive.ConditionExpression,
              ExpressionAttributeValues: { ...update.ExpressionAttributeValues, ...alive.ExpressionAttributeValues },
              ReturnValues: 'ALL_NEW',
            }),
          );
          return toRecord(Attributes ?? {});
        } catch (error) {
          if (!isConditionFailure(error)) throw error;
        }
        return this.#firstPut(record, now);
      },
      { repeatable: false, pace: this.#options.pace },
    );
  }

  /** Throws `ConflictError` when there is one. */
  async #firstPut(record: NewRecord, now: number): Promise<StoredRecord> {
    const { Item, ...rest } = conditionalPut(record, { ifAbsent: true }, now);
    await this.#client.send(new PutCommand({ ...this.#name, Item, ...rest })).catch(conflict);
    return toRecord(Item);
  }

  /** The sum; undefined when there is no counter, or none that may be added to. */
  async #add(
    key: RecordKey,
    field: string,
    by: number,
    bounds: { low: number; high: number },
  ): Promise<number | undefined> {
    const update = addition(key, field, by, { ...bounds, now: this.#seconds() });
    try {
      const { Attributes } = await this.#client.send(
        new UpdateCommand({ ...this.#name, ...update, ReturnValues: 'UPDATED_NEW' }),
      );
      const counters = Attributes?.['counters'] as Record<string, number> | undefined;
      return Number(counters?.[field]); // it was just added to
    } catch (error) {
      if (isConditionFailure(error) || isMissingPath(error)) return undefined;
      throw error;
    }
  }

  /** Reads what is there, refuses what cannot be added to, and makes the field a counter. Throws `ConflictError` when it changed meanwhile. */
  async #addSlowly(key: RecordKey, field: string, by: number, max: number): Promise<number> {
    const now = this.#seconds();
    const { Item } = await this.#client.send(
      new GetCommand({ ...this.#name, Key: itemKey(key), ConsistentRead: true }),
    );
    const found = Item && !hasExpired(Item, now) ? toRecord(Item) : undefined;
    const old = found?.value[field] ?? 0;
    if (typeof old !== 'number' || !Number.isSafeInteger(old + by))
      throw new DomainError('not-a-whole-number', `"${field}" holds nothing that ${by} can be added to.`);
    const sum = old + by;
    if (sum > max) throw new ConditionError([0]);
    const record: NewRecord = { ...(found ?? { key }), value: { ...found?.value, [field]: sum } };
    checkRecord(record);
    const counters = { ...(found && (Item?.['counters'] as Record<string, number> | undefined)), [field]: sum };
    const rest = Object.entries(record.value).filter(([name]) => !Object.hasOwn(counters, name));
    const item = toItem({ ...record, value: Object.fromEntries(rest) }, (found?.revision ?? 0) + 1, counters);
    const condition = itemCondition(found ? { ifRevision: found.revision } : { ifAbsent: true }, now);
    await this.#client.send(new PutCommand({ ...this.#name, Item: item, ...condition })).catch(conflict);
    return sum;
  }

  #read<T>(call: () => Promise<T>): Promise<T> {
    return attempt(call, { repeatable: true, pace: this.#options.pace });
  }

  /** Throws `ConditionError`. */
  async #write(call: () => Promise<unknown>): Promise<void> {
    try {
      await attempt(call, { repeatable: false, pace: this.#options.pace });
    } catch (error) {
      throw isConditionFailure(error) ? new ConditionError([0]) : error;
    }
  }

  #seconds(): number {
    return Math.floor(this.#options.now() / 1000);
  }
}

function conflict(error: unknown): never {
  throw isConditionFailure(error) ? new ConflictError('the record was changed meanwhile', { cause: error }) : error;
}

/** DynamoDB refuses a path into a map that is not there, where the condition does not fail first. */
const isMissingPath = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ValidationException' && /document path/.test(error.message);
