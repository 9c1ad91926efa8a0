import type { BlobInfo, BlobRef, MultipartPart } from '../platform/ports.ts';
import { sortRange } from '../platform/sort-range.ts';
import type { LocalDatabase } from './database.ts';

/** A blob is there when its row is; files without one are left-overs. `sequence` tells which version of a key is the newest. */
export const blobSchema = `
  CREATE TABLE IF NOT EXISTS blobs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, version_id TEXT NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL, written_at INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS blobs_by_key ON blobs (key, sequence);
  CREATE TABLE IF NOT EXISTS uploads (
    upload_id TEXT PRIMARY KEY, key TEXT NOT NULL, part_size_bytes INTEGER NOT NULL, begun_at INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS upload_parts (
    upload_id TEXT NOT NULL, number INTEGER NOT NULL, size_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    PRIMARY KEY (upload_id, number)
  );
`;

export interface Upload {
  readonly uploadId: string;
  readonly key: string;
  readonly partSizeBytes: number;
}

const blobColumns = 'key, version_id AS versionId, size_bytes AS sizeBytes, written_at AS writtenAt';
const uploadColumns = 'upload_id AS uploadId, key, part_size_bytes AS partSizeBytes';

/** What records name contents by. Most records name none, and a look at their text is much faster than parsing it. */
const namedIds = `
  SELECT json_tree.atom FROM records, json_tree(records.value)
  WHERE (instr(records.value, '"versionId"') OR instr(records.value, '"multipartId"'))
    AND json_tree.key IN ('versionId', 'multipartId') AND json_tree.type = 'text'
`;

/** The rows behind the files: which versions there are and what of an upload has arrived. */
export class BlobIndex {
  readonly #database: LocalDatabase;

  constructor(database: LocalDatabase) {
    this.#database = database;
  }

  find({ key, versionId }: BlobRef): BlobInfo | undefined {
    return this.#blob('key = ? AND version_id = ?', key, versionId);
  }

  findVersion(versionId: string): BlobInfo | undefined {
    return this.#blob('version_id = ?', versionId);
  }

  add(blob: BlobInfo): void {
    this.#database.write(() => this.#insert(blob));
  }

  remove({ key, versionId }: BlobRef): void {
    this.#database.write(() =>
      this.#database.prepare('DELETE FROM blobs WHERE key = ? AND version_id = ?').run(key, versionId),
    );
  }

  /** The newest version of each key that begins with `prefix` and comes after `after`. */
  newest(prefix: string, after: string | undefined, count: number): BlobInfo[] {
    const { above = '', from = '', below } = sortRange({ prefix, ...(after === undefined ? {} : { after }) });
    const bounds = below === undefined ? [above, from] : [above, from, below];
    return this.#database
      .prepare<BlobInfo & { newest: number; _metadata?: unknown }>(
        // beside max(), SQLite takes the other columns from the row that has the maximum
        `SELECT ${blobColumns}, max(sequence) AS newest FROM blobs
         WHERE key > ? AND key >= ? ${below === undefined ? '' : 'AND key < ?'} GROUP BY key ORDER BY key LIMIT ?`,
      )
      .all(...bounds, count)
      .map(toInfo);
  }

  /** Those written before `time` that no record names, by its version or as the upload that it comes from. */
  unnamedBefore(time: number): BlobInfo[] {
    return this.#database
      .prepare<BlobInfo>(`SELECT ${blobColumns} FROM blobs WHERE written_at < ? AND version_id NOT IN (${namedIds})`)
      .all(time)
      .map(toInfo);
  }

  beginUpload({ uploadId, key, partSizeBytes }: Upload, begunAt: number): void {
    this.#database.write(() =>
      this.#database.prepare('INSERT INTO uploads VALUES (?, ?, ?, ?)').run(uploadId, key, partSizeBytes, begunAt),
    );
  }

  findUpload(uploadId: string): Upload | undefined {
    return this.#database.prepare<Upload>(`SELECT ${uploadColumns} FROM uploads WHERE upload_id = ?`).get(uploadId);
  }

  /** Those that no record names: what is named may be acknowledged and wait to be joined, however long no server ran. */
  unnamedUploadsBegunBefore(time: number): Upload[] {
    return this.#database
      .prepare<Upload>(`SELECT ${uploadColumns} FROM uploads WHERE begun_at < ? AND upload_id NOT IN (${namedIds})`)
      .all(time);
  }

  parts(uploadId: string): MultipartPart[] {
    return this.#database
      .prepare<MultipartPart>(
        `SELECT number, size_bytes AS sizeBytes, sha256 FROM upload_parts WHERE upload_id = ? ORDER BY number`,
      )
      .all(uploadId);
  }

  /** False when the upload is gone. */
  addPart(uploadId: string, { number, sizeBytes, sha256 }: MultipartPart): boolean {
    return this.#database.write(() => {
      if (!this.findUpload(uploadId)) return false;
      this.#database
        .prepare('INSERT OR REPLACE INTO upload_parts VALUES (?, ?, ?, ?)')
        .run(uploadId, number, sizeBytes, sha256);
      return true;
    });
  }

  removePart(uploadId: string, number: number): void {
    this.#database.write(() =>
      this.#database.prepare('DELETE FROM upload_parts WHERE upload_id = ? AND number = ?').run(uploadId, number),
    );
  }

  /** Turns the upload into a blob, unless that has happened; undefined when the upload was aborted. */
  completeUpload(blob: BlobInfo): BlobInfo | undefined {
    return this.#database.write(() => {
      if (this.findUpload(blob.versionId)) {
        this.#deleteUpload(blob.versionId);
        this.#insert(blob);
      }
      return this.find(blob);
    });
  }

  abortUpload(uploadId: string): void {
    this.#database.write(() => this.#deleteUpload(uploadId));
  }

  #insert({ key, versionId, sizeBytes, writtenAt }: BlobInfo): void {
    this.#database
      .prepare('INSERT INTO blobs (key, version_id, size_bytes, written_at) VALUES (?, ?, ?, ?)')
      .run(key, versionId, sizeBytes, writtenAt);
  }

  #deleteUpload(uploadId: string): void {
    this.#database.prepare('DELETE FROM uploads WHERE upload_id = ?').run(uploadId);
    this.#database.prepare('DELETE FROM upload_parts WHERE upload_id = ?').run(uploadId);
  }

  #blob(condition: string, ...values: readonly string[]): BlobInfo | undefined {
    const row = this.#database.prepare<BlobInfo>(`SELECT ${blobColumns} FROM blobs WHERE ${condition}`).get(...values);
    return row && toInfo(row);
  }
}

/** Without what the driver adds to a row. */
const toInfo = ({ key, versionId, sizeBytes, writtenAt }: BlobInfo): BlobInfo => ({
  key,
  versionId,
  sizeBytes,
  writtenAt,
});
