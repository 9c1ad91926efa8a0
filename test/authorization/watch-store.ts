import { join } from 'node:path';
import Database from 'libsql';
import type { RecordTable } from '../../shared/platform/ports.ts';
import type { LocalApi } from '../support/local-api.ts';

/** What a call may leave behind whether or not it was allowed: rows of the audit, and when a key was used. */
const left = "partition LIKE '%#audit#%' OR (partition LIKE 'KEY#%' AND sort = 'use')";

/** Everything that the store holds but that; what runs and locks do by themselves is no store. */
export function snapshotOf({ folder }: Pick<LocalApi, 'folder'>): string {
  const database = new Database(join(folder, 'lorary.sqlite'), { readonly: true });
  try {
    const names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[]; // the column it names
    const tables = names.map(({ name }) => name).filter((name) => !/run|lock|token|sqlite/.test(name));
    const rowsOf = (name: string): unknown[] =>
      database.prepare(`SELECT * FROM ${name} ${name === 'records' ? `WHERE NOT (${left})` : ''} ORDER BY 1, 2`).all();
    return tables
      .map(
        (name) =>
          `${name}\n${rowsOf(name)
            .map((row) => JSON.stringify(row))
            .join('\n')}`,
      )
      .join('\n');
  } finally {
    database.close();
  }
}

/** Notes the calls that a table gets: of each its method and the kind of record, without names and ids. */
export interface StoreWatch {
  /** The calls so far, from then on none. Calls that note uses and refusals are left out: nobody waits for them. */
  take(): string[];
}

export function watchStore(table: RecordTable): StoreWatch {
  let calls: string[] = [];
  const note = (
    method: string,
    { partition, sort = '' }: { readonly partition: string; readonly sort?: string },
  ): void => {
    if (sort !== 'use' && !/#audit#/.test(partition)) calls.push(`${method} ${kindOf(partition)}`);
  };
  const [get, put] = [table.get.bind(table), table.put.bind(table)];
  const [query, transact] = [table.query.bind(table), table.transact.bind(table)];
  const watched: Pick<RecordTable, 'get' | 'put' | 'query' | 'transact'> = {
    get(key) {
      note('get', key);
      return get(key);
    },
    put(record, condition) {
      note('put', record.key);
      return put(record, condition);
    },
    query(asked) {
      note('query', asked);
      return query(asked);
    },
    transact(writes, options) {
      note('transact', { partition: 'writes' });
      return transact(writes, options);
    },
  };
  Object.assign(table, watched);
  return {
    take() {
      const taken = calls;
      calls = [];
      return taken;
    },
  };
}

function kindOf(partition: string): string {
  const [first = '', second] = partition.split('#');
  return /^[A-Z]/.test(first) ? first : (second ?? first);
}
