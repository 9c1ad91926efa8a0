import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';

export type Value = Readonly<Record<string, unknown>>;

export interface FoundRow {
  readonly partition: string;
  readonly sort: string;
  readonly value: Value;
}

/** A data folder whose database can be written to behind the product's back. */
export interface DamagedStore {
  readonly folder: string;
  /** The first record of this kind (`<team>#<kind>#...`) that fits; throws where there is none. */
  find(kind: string, fits: (value: Value, row: FoundRow) => boolean): FoundRow;
  /** Gives some fields of a record other values. */
  change(row: FoundRow, fields: Value): void;
  remove(row: Pick<FoundRow, 'partition' | 'sort'>): void;
  insert(row: FoundRow): void;
  sql(text: string, ...values: readonly (string | number)[]): void;
  /** Leaves an index of the database without its entries. */
  breakIndex(): void;
  /** The only file of a blob. */
  blobFile(versionId: string): string;
}

/** The work is committed, and the file closed, when this returns. */
export function damage(folder: string, work: (store: DamagedStore) => void): void {
  const database = new Database(join(folder, 'lorary.sqlite'));
  const sql = (text: string, ...values: readonly (string | number)[]): void => {
    const { changes } = database.prepare(text).run([...values]);
    if (changes === 0) throw new Error(`nothing is damaged by: ${text}`);
  };
  try {
    work({
      folder,
      sql,
      find(kind, fits) {
        const rows = database
          .prepare(
            `SELECT partition, sort, value FROM records WHERE partition LIKE ? OR partition LIKE ? ORDER BY partition, sort`,
          )
          .all(kind === 'KEY' ? ['KEY#%', 'KEY#%'] : [`%#${kind}#%`, `%#${kind}`]) as {
          partition: string;
          sort: string;
          value: string;
        }[];
        const parsed = rows.map((row): FoundRow => ({ ...row, value: JSON.parse(row.value) as Value }));
        const found = parsed.find((row) => fits(row.value, row));
        if (!found) throw new Error(`no record of the kind ${kind} fits`);
        return found;
      },
      change({ partition, sort, value }, fields) {
        const text = 'UPDATE records SET value = ? WHERE partition = ? AND sort = ?';
        sql(text, JSON.stringify({ ...value, ...fields }), partition, sort);
      },
      remove: ({ partition, sort }) => sql('DELETE FROM records WHERE partition = ? AND sort = ?', partition, sort),
      insert({ partition, sort, value }) {
        const text = 'INSERT INTO records (partition, sort, revision, value) VALUES (?, ?, 1, ?)';
        sql(text, partition, sort, JSON.stringify(value));
      },
      breakIndex() {
        // an index that SQLite is told to know, at the place of another
        database.exec(`PRAGMA writable_schema = ON;
          UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'runs_open')
          WHERE name = 'records_index1'`);
      },
      blobFile(versionId) {
        const path = join(folder, 'blobs', versionId.slice(0, 2), versionId);
        if (!existsSync(path)) throw new Error(`the blob ${versionId} has no file: ${readdirSync(folder).join()}`);
        return path;
      },
    });
  } finally {
    database.close();
  }
}
