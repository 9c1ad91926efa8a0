import { isDeepStrictEqual } from 'node:util';
import { UnavailableError } from '../../shared/errors.ts';
import { ConditionError, type NewRecord, type RecordTable, type StoredRecord } from '../../shared/platform/ports.ts';

const triesMax = 50;

/** Calls again while the world is not available. `repeated` tells later tries that the one before may have taken effect. */
async function patiently<T>(call: (repeated: boolean) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call(tries > 1);
    } catch (error) {
      if (!(error instanceof UnavailableError) || tries === triesMax) throw error;
    }
  }
}

/** Any object whose methods may simply be called again. */
export function repeating<T extends object>(inner: T): T {
  return new Proxy(inner, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      return (...args: readonly unknown[]) => {
        const result: unknown = Reflect.apply(method, target, args);
        if (!(result instanceof Promise)) return result;
        let first: Promise<unknown> | undefined = result;
        return patiently(() => {
          const next = first ?? (Reflect.apply(method, target, args) as Promise<unknown>);
          first = undefined;
          return next;
        });
      };
    },
  });
}

/** A table as one careful caller, the only one to write a record, uses it: after a lost answer it looks before it writes again. */
export function carefulTable(inner: RecordTable): RecordTable {
  const table = repeating(inner);
  const writtenAsWished = async (
    record: NewRecord,
    before: StoredRecord | undefined,
  ): Promise<StoredRecord | undefined> => {
    const found = await table.get(record.key);
    return found && found.revision !== before?.revision && isDeepStrictEqual(found.value, record.value)
      ? found
      : undefined;
  };
  return {
    get: (key) => table.get(key),
    query: (query) => table.query(query),
    transact: (writes, options) => table.transact(writes, options),

    async put(record, condition) {
      const before = await table.get(record.key);
      return patiently(async (repeated) => {
        const done = repeated ? await writtenAsWished(record, before) : undefined;
        return done ?? inner.put(record, condition);
      });
    },

    delete: (key, condition) =>
      patiently(async (repeated) => {
        if (repeated && !(await table.get(key))) return;
        await inner.delete(key, condition);
      }),

    async increment(key, field, by, options) {
      const before = await table.get(key);
      return patiently(async (repeated) => {
        const now = repeated ? await table.get(key) : before;
        if (now && now.revision !== before?.revision) return Number(now.value[field]);
        return inner.increment(key, field, by, options);
      });
    },
  };
}

/** Whether a call failed because its condition did not hold, and where. */
export function failedPositions(error: unknown): readonly number[] | undefined {
  return error instanceof ConditionError ? error.failed : undefined;
}
