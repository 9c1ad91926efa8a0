import Database from 'libsql';
import { DomainError, UnavailableError } from '../errors.ts';
import { limits } from '../limits.ts';

type Cell = string | number | Uint8Array | null;

/** Rows of a statement have the columns it names. */
export interface Statement<Row> {
  run(...values: readonly Cell[]): { readonly changes: number };
  get(...values: readonly Cell[]): Row | undefined;
  all(...values: readonly Cell[]): Row[];
}

/**
 * One SQLite file, open in this process; others may have it open too. Everything is synchronous: SQLite works in this thread, and one
 * statement takes less time than a hop to another.
 */
export interface LocalDatabase {
  /** Prepared once for each text. */
  prepare<Row = unknown>(sql: string): Statement<Row>;
  /** Runs `work` as one transaction that sees no other writer and is on disk when this returns. */
  write<T>(work: () => T): T;
  close(): void;
}

/**
 * What an acknowledged write survives. `process-death`: SIGKILL, because the system keeps what was written. `power-loss`: also the end
 * of the machine, at the price of one wait for the disk (about 4 ms) a write.
 */
export type Durability = 'process-death' | 'power-loss';

export function openDatabase(
  path: string,
  schema: string,
  durability: Durability,
  waitMilliseconds: number = limits.databaseWaitMilliseconds,
): LocalDatabase {
  const database = translated(() => new Database(path, { timeout: waitMilliseconds }));
  const statements = new Map<string, Statement<unknown>>();
  const once = (sql: string): Statement<unknown> => {
    const known = statements.get(sql);
    if (known) return known;
    const prepared = translated(() => database.prepare(sql));
    const statement: Statement<unknown> = {
      run: (...values) => translated(() => prepared.run(values)),
      get: (...values) => translated(() => prepared.get(values)),
      all: (...values) => translated(() => prepared.all(values)),
    };
    statements.set(sql, statement);
    return statement;
  };

  const write = <T>(work: () => T): T => {
    // taking the write lock first: a reader that becomes a writer could find its snapshot outdated
    translated(() => database.exec('BEGIN IMMEDIATE'));
    try {
      const result = work();
      translated(() => database.exec('COMMIT'));
      return result;
    } catch (error) {
      if (database.inTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };
  try {
    // readers go on while one process writes
    translated(() => database.pragma('journal_mode = WAL'));
    translated(() => database.pragma(`synchronous = ${durability === 'power-loss' ? 'FULL' : 'NORMAL'}`));
    write(() => translated(() => database.exec(schema)));
  } catch (error) {
    database.close();
    throw error;
  }

  return {
    prepare: <Row>(sql: string) => once(sql) as Statement<Row>, // the caller names the columns of its own text
    write,
    close: () => database.close(),
  };
}

/** Busy and full pass; whatever else SQLite reports is not for the caller to handle. */
function translated<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
      throw new UnavailableError('The database is busy with another process: try again.', { cause: error });
    }
    if (code.startsWith('SQLITE_FULL')) {
      throw new UnavailableError('The disk is full: free some space, then try again.', { cause: error });
    }
    if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) {
      throw new DomainError(
        'damaged-database',
        'The database file is damaged: restore the data folder from a backup.',
        {
          cause: error,
        },
      );
    }
    throw error;
  }
}
