import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DomainError } from '../errors.ts';
import { syncFile } from './durable-files.ts';
import { identityName } from './file-signer.ts';

/** A file of a backup, by its place in the data folder. */
export interface BackupFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface BackupManifest {
  /** Milliseconds since 1970 at which the copy of the records was taken. */
  readonly takenAt: number;
  readonly files: readonly BackupFile[];
}

export const databaseName = 'lorary.sqlite';
export const credentialsName = 'credentials.json';
/** Files that may be there beside the records: logins, and the key that what the platform says is signed with. */
export const ownNames = [credentialsName, identityName] as const;
const manifestName = 'backup.json';
const format = 'lorary-backup-1';

/** Nothing else of a data folder is in a backup, and nothing else comes out of one. */
const placePattern =
  /^(lorary\.sqlite|credentials\.json|identity\.key|blobs\/[0-9a-f]{2}\/[0-9a-f]{32}|uploads\/[0-9a-f]{32})$/;

/** Written last: a backup without it is none. */
export async function writeManifest(folder: string, { takenAt, files }: BackupManifest): Promise<void> {
  const file = await open(join(folder, manifestName), 'wx', 0o600);
  try {
    await file.writeFile(JSON.stringify({ format, takenAt, files }));
    await syncFile(file, 'power-loss');
  } finally {
    await file.close();
  }
}

/** Throws `DomainError('no-backup')`. */
export async function readManifest(folder: string): Promise<BackupManifest> {
  const text = await readFile(join(folder, manifestName), 'utf8').catch((cause: unknown) => {
    throw new DomainError('no-backup', `${folder} is no backup: there is no ${manifestName} in it.`, { cause });
  });
  const manifest = parse(text);
  if (manifest) return manifest;
  throw new DomainError(
    'no-backup',
    `${join(folder, manifestName)} is not what "lorary backup" of this release writes.`,
  );
}

/** Copies a file, which is on disk when this returns. Resolves to what was written. */
export async function copyDurably(
  from: string,
  folder: string,
  path: string,
  onBytes?: (count: number) => void,
): Promise<BackupFile> {
  const to = join(folder, path);
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  // a clone of the blocks where the file system has them
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  await chmod(to, 0o600);
  const file = await open(to, 'r+');
  try {
    await syncFile(file, 'power-loss');
  } finally {
    await file.close();
  }
  // content of blobs never changes
  if (path.startsWith('blobs/')) await chmod(to, 0o444);
  return { path, ...(await hashOf(to, onBytes)) };
}

/** Size and SHA-256 of a file. */
export async function hashOf(
  path: string,
  onBytes: (count: number) => void = () => undefined,
): Promise<Pick<BackupFile, 'sizeBytes' | 'sha256'>> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1_048_576 })) {
    const bytes = chunk as Uint8Array; // without an encoding a stream gives bytes
    hash.update(bytes);
    sizeBytes += bytes.length;
    onBytes(bytes.length);
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

function parse(text: string): BackupManifest | undefined {
  let value: Partial<BackupManifest & { readonly format: string }>;
  try {
    value = JSON.parse(text) as typeof value; // checked below
  } catch {
    return undefined;
  }
  const { takenAt, files } = value;
  if (value.format !== format || typeof takenAt !== 'number' || !Array.isArray(files)) return undefined;
  return files.every(isFile) ? { takenAt, files } : undefined;
}

function isFile(value: unknown): value is BackupFile {
  const { path, sizeBytes, sha256 } = (value ?? {}) as Partial<BackupFile>;
  const isPlace = typeof path === 'string' && placePattern.test(path);
  return isPlace && Number.isSafeInteger(sizeBytes) && typeof sha256 === 'string';
}
