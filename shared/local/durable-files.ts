import { randomUUID } from 'node:crypto';
import { constants, copyFile, link, open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { DomainError } from '../errors.ts';
import type { Durability } from './database.ts';

/** Waits until a file's bytes are on disk, where that is asked for. */
export async function syncFile(file: FileHandle, durability: Durability): Promise<void> {
  if (durability === 'power-loss') await file.sync();
}

/** Waits until a folder's entries are on disk. Windows cannot open folders and keeps them by itself. */
export async function syncFolder(folder: string, durability: Durability): Promise<void> {
  if (durability !== 'power-loss' || process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const linkless = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * Makes `to`, which must not exist (`EEXIST`), the same content as `from`: a hard link where the file system can, a copy elsewhere.
 */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!linkless.has(errorCode(error))) throw error;
    try {
      // a clone of the blocks where the file system has them
      await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    } catch (copyError) {
      if (errorCode(copyError) !== 'EEXIST') await rm(to, { force: true });
      throw copyError;
    }
  }
}

/**
 * The secret at `path`; when nothing is there, `fresh`, which only the owner may then read. Several processes get the same bytes. `loss`
 * says what another one would cost. Throws `DomainError('damaged-secret')` for one of another length: a shorter one could be guessed.
 */
export async function readOrCreateSecret(path: string, fresh: Uint8Array, loss: string): Promise<Uint8Array> {
  const found = await readFile(path).catch(async (error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error;
    await createSecret(path, fresh);
    return readFile(path);
  });
  if (found.length !== fresh.length) {
    throw new DomainError('damaged-secret', `${path} is damaged: delete it, and ${loss}.`);
  }
  return found;
}

async function createSecret(path: string, fresh: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}`; // one process may make it twice at once
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(fresh);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    // a link, unlike a rename, leaves what another process has put there meanwhile
    await linkOrCopy(temporary, path);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
