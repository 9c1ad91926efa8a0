import { chmod, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DomainError, type Finding } from '../errors.ts';
import {
  copyDurably,
  databaseName,
  hashOf,
  ownNames,
  writeManifest,
  type BackupFile,
  type BackupManifest,
} from './backup-manifest.ts';
import { openDatabase, type LocalDatabase } from './database.ts';
import { errorCode, syncFolder } from './durable-files.ts';

export interface BackupOptions {
  readonly now: () => number;
  /** Told of bytes that are copied, and of how many there will be. */
  readonly onBytes?: (count: number, totalBytes: number) => void;
}

/**
 * Copies a data folder to `target`, which must not exist and appears whole, while a server may work on the folder. The copy of the records
 * is of one moment; the files come after it, since none is named before it is there. A run that is under way is lost in the copy, so that
 * its job goes on from its last checkpoint. Throws `DomainError('no-data' | 'folder' | 'damaged')`.
 */
export async function backUp(folder: string, target: string, options: BackupOptions): Promise<BackupManifest> {
  const { now, onBytes = () => undefined } = options;
  const source = join(resolve(folder), databaseName);
  if (!(await exists(source)))
    throw new DomainError('no-data', `There is no data in ${folder}: ${databaseName} is missing.`);
  if (await exists(target)) throw new DomainError('folder', `${target} exists already: choose another folder.`);
  const partial = `${resolve(target)}.part`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true, mode: 0o700 });
  const live = openDatabase(source, '', 'process-death');
  try {
    const takenAt = now();
    const copy = join(partial, databaseName);
    live.prepare('VACUUM INTO ?').run(copy);
    await chmod(copy, 0o600);
    const files = await copyContents({ folder: resolve(folder), partial, live, onBytes });
    const database = { path: databaseName, ...(await hashOf(copy)) };
    for (const name of ownNames) {
      const own = join(resolve(folder), name);
      if (await exists(own)) files.push(await copyDurably(own, partial, name));
    }
    const manifest = { takenAt, files: [database, ...files] };
    await writeManifest(partial, manifest);
    await syncFolder(partial, 'power-loss');
    await rename(partial, target);
    await syncFolder(dirname(resolve(target)), 'power-loss');
    return manifest;
  } finally {
    live.close();
  }
}

interface Copying {
  readonly folder: string;
  readonly partial: string;
  readonly live: LocalDatabase;
  readonly onBytes: NonNullable<BackupOptions['onBytes']>;
}

/** The files that the copied rows are of; rows of what has gone meanwhile go from the copy, too. */
async function copyContents({ folder, partial, live, onBytes }: Copying): Promise<BackupFile[]> {
  const copy = openDatabase(join(partial, databaseName), '', 'power-loss');
  try {
    settle(copy);
    const files: BackupFile[] = [];
    const damaged: Finding[] = [];
    const blobs = blobsOf(copy);
    const totalBytes = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const told = (count: number): void => onBytes(count, totalBytes);
    for (const { versionId, sizeBytes } of blobs) {
      const path = join('blobs', versionId.slice(0, 2), versionId);
      const file = await copyIfThere(folder, [path], partial, told);
      if (file && file.sizeBytes === sizeBytes) files.push(file);
      else if (live.prepare('SELECT 1 AS found FROM blobs WHERE version_id = ?').get(versionId))
        damaged.push({ severity: 'error', code: 'damaged', where: path, message: 'it is missing or too short' });
      else copy.write(() => copy.prepare('DELETE FROM blobs WHERE version_id = ?').run(versionId));
    }
    for (const uploadId of uploadsOf(copy)) {
      // one that was completed meanwhile has become a blob, with the same bytes
      const places = [join('uploads', uploadId), join('blobs', uploadId.slice(0, 2), uploadId)];
      const file = await copyIfThere(folder, places, partial);
      if (file) files.push(file);
      else
        copy.write(() => {
          copy.prepare('DELETE FROM uploads WHERE upload_id = ?').run(uploadId);
          copy.prepare('DELETE FROM upload_parts WHERE upload_id = ?').run(uploadId);
        });
    }
    if (damaged.length === 0) return files;
    const what = `${damaged.length} files of ${folder} are not what their rows say, so there is no whole backup:`;
    throw new DomainError('damaged', what, { findings: damaged });
  } finally {
    copy.close();
  }
}

/** What belongs to processes of the machine that the copy was taken on. */
function settle(copy: LocalDatabase): void {
  copy.write(() => {
    copy.prepare('DELETE FROM server_lock').run();
    copy
      .prepare(`UPDATE runs SET state = 'lost', reason = ? WHERE state = 'running'`)
      .run('The data was restored from a backup that was taken while it ran.');
  });
  // one file: what has not been taken over from the log of writes would be missing in it
  copy.prepare('PRAGMA journal_mode = DELETE').get();
}

const blobsOf = (copy: LocalDatabase): { readonly versionId: string; readonly sizeBytes: number }[] =>
  copy
    .prepare<{ versionId: string; sizeBytes: number }>(
      'SELECT version_id AS versionId, size_bytes AS sizeBytes FROM blobs',
    )
    .all();

const uploadsOf = (copy: LocalDatabase): string[] =>
  copy
    .prepare<{ uploadId: string }>('SELECT upload_id AS uploadId FROM uploads')
    .all()
    .map(({ uploadId }) => uploadId);

/** Copies the first of these that is there to the place of the first. */
async function copyIfThere(
  folder: string,
  [path = '', ...others]: readonly string[],
  partial: string,
  onBytes?: (count: number) => void,
): Promise<BackupFile | undefined> {
  for (const place of [path, ...others])
    try {
      return await copyDurably(join(folder, place), partial, path, onBytes);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
