import { join } from 'node:path';
import Database from 'libsql';

/** A record as it stands in the file. */
export interface Row {
  readonly partition: string;
  readonly sort: string;
  readonly revision: number;
  readonly value: Readonly<Record<string, unknown>>;
  readonly index1: string | null;
  readonly index2: string | null;
}

export interface BlobRow {
  readonly key: string;
  readonly versionId: string;
  readonly sizeBytes: number;
}

/** Records, found as the checks ask for them. */
export interface Records {
  readonly rows: readonly Row[];
  find(partition: string, sort: string): Row | undefined;
  /** Rows whose partition is `<team>#<kind>#...`. */
  ofKind(kind: string): readonly Row[];
}

/** Everything in the database of a data folder that no process has open, read by plain SQL. */
export interface Store extends Records {
  readonly folder: string;
  /** What SQLite says of its own file; `ok` where it is whole. */
  readonly integrity: string;
  readonly blobs: readonly BlobRow[];
  /** Ids of uploads in parts that are neither complete nor given up. */
  readonly uploads: readonly string[];
  /** Uploads of which parts are noted. */
  readonly uploadsWithParts: readonly string[];
  readonly runs: readonly { readonly runId: string; readonly jobId: string; readonly state: string }[];
}

interface RawRow {
  readonly partition: string;
  readonly sort: string;
  readonly revision: number;
  readonly value: string;
  readonly index1_partition: string | null;
  readonly index1_sort: string | null;
  readonly index2_partition: string | null;
  readonly index2_sort: string | null;
}

export function readStore(folder: string): Store {
  const database = new Database(join(folder, 'lorary.sqlite'));
  try {
    // the columns that each query names
    const all = <T>(sql: string): T[] => database.prepare(sql).all([]) as T[];
    const [integrity] = database.pragma('integrity_check') as { integrity_check: string }[];
    const rows = all<RawRow>('SELECT * FROM records ORDER BY partition, sort').map((raw) => ({
      partition: raw.partition,
      sort: raw.sort,
      revision: raw.revision,
      value: JSON.parse(raw.value) as Row['value'],
      index1: raw.index1_partition === null ? null : `${raw.index1_partition} ${raw.index1_sort}`,
      index2: raw.index2_partition === null ? null : `${raw.index2_partition} ${raw.index2_sort}`,
    }));
    return {
      folder,
      integrity: integrity?.integrity_check ?? 'unreadable',
      ...recordsOf(rows),
      blobs: all<BlobRow>('SELECT key, version_id AS versionId, size_bytes AS sizeBytes FROM blobs'),
      uploads: all<{ id: string }>('SELECT upload_id AS id FROM uploads').map(({ id }) => id),
      uploadsWithParts: all<{ id: string }>('SELECT DISTINCT upload_id AS id FROM upload_parts').map(({ id }) => id),
      runs: all('SELECT run_id AS runId, job_id AS jobId, state FROM runs'),
    };
  } finally {
    database.close();
  }
}

/** Rows sorted by partition and sort key. */
export function recordsOf(rows: readonly Row[]): Records {
  const byKey = new Map(rows.map((row) => [`${row.partition} ${row.sort}`, row]));
  const kinds = groupBy(rows, ({ partition }) => partition.split('#')[1] ?? '');
  return {
    rows,
    find: (partition, sort) => byKey.get(`${partition} ${sort}`),
    ofKind: (kind) => kinds.get(kind) ?? [],
  };
}

/** A field of a record that is a text; '' where it is none, which then shows as a finding. */
export function textOf(row: Row | undefined, field: string): string {
  const value = row?.value[field];
  return typeof value === 'string' ? value : '';
}

/** Whether every field of `part` is the same in `whole`. */
export function agrees(part: Readonly<Record<string, unknown>>, whole: Row['value']): boolean {
  return Object.entries(part).every(([field, value]) => JSON.stringify(value) === JSON.stringify(whole[field]));
}

/** Items by what `keyOf` says of them, in their order. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
