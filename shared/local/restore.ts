import { readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DomainError, type Finding } from '../errors.ts';
import { copyDurably, databaseName, readManifest, type BackupManifest } from './backup-manifest.ts';
import { openDatabase } from './database.ts';
import { errorCode, syncFolder } from './durable-files.ts';

/**
 * Makes a data folder of a backup. The folder must not exist, or be empty; it appears whole when every byte is there and is what the
 * backup says. Links that were signed before end. Throws `DomainError('no-backup' | 'folder' | 'damaged')` with every file that is wrong.
 */
export async function restore(
  backup: string,
  folder: string,
  onBytes: (count: number, totalBytes: number) => void = () => undefined,
): Promise<BackupManifest> {
  const manifest = await readManifest(backup);
  const target = resolve(folder);
  const inside = await readdir(target).catch(() => undefined);
  if (inside && inside.length > 0)
    throw new DomainError(
      'folder',
      `${folder} has something in it already: move it away, or restore into another folder.`,
    );
  const partial = `${target}.part`;
  await rm(partial, { recursive: true, force: true });
  const damaged: Finding[] = [];
  const totalBytes = manifest.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const told = (count: number): void => onBytes(count, totalBytes);
  for (const { path, sizeBytes, sha256 } of manifest.files) {
    const wrong = (message: string): void =>
      void damaged.push({ severity: 'error', code: 'damaged', where: path, message });
    try {
      const file = await copyDurably(join(backup, path), partial, path, told);
      if (file.sizeBytes !== sizeBytes) wrong(`it has ${file.sizeBytes} bytes instead of ${sizeBytes}`);
      else if (file.sha256 !== sha256) wrong('its bytes are not those of the backup');
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      wrong('it is missing');
    }
  }
  try {
    if (damaged.length > 0)
      throw new DomainError('damaged', `The backup in ${backup} is damaged; nothing was restored:`, {
        findings: damaged,
      });
    checkRecords(join(partial, databaseName));
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
  if (inside) await rmdir(target);
  await syncFolder(partial, 'power-loss');
  await rename(partial, target);
  await syncFolder(dirname(target), 'power-loss');
  return manifest;
}

/** Throws `DomainError('damaged-database')`. */
function checkRecords(path: string): void {
  const database = openDatabase(path, '', 'process-death');
  try {
    const row = database.prepare<{ integrity_check: string }>('PRAGMA integrity_check').get();
    if (row?.integrity_check !== 'ok')
      throw new DomainError('damaged-database', `The records of the backup are damaged: ${row?.integrity_check}.`);
  } finally {
    database.close();
  }
}
