import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../limits.ts';
import type { BlobIndex } from './blob-index.ts';
import { errorCode } from './durable-files.ts';
import type { FileBlobs } from './file-blobs.ts';

/** A file without a row may be one that is being written; nothing takes a day. */
const leftOverMilliseconds = 86_400_000;

/** Drops uploads and blobs that no record names, and files that a killed process left without a row. */
export async function sweepBlobs(folder: string, blobs: FileBlobs, index: BlobIndex, now: number): Promise<void> {
  // whoever wrote them died before the record that would have named them, or the record is gone
  for (const { key, uploadId } of index.unnamedUploadsBegunBefore(now - limits.uploadKeptSeconds * 1000)) {
    await blobs.abortMultipart(key, uploadId);
  }
  for (const blob of index.unnamedBefore(now - limits.uploadKeptSeconds * 1000)) await blobs.delete(blob);
  for (const uploadId of await entries(join(folder, 'uploads'))) {
    if (!index.findUpload(uploadId)) await removeOld(join(folder, 'uploads', uploadId), now);
  }
  for (const group of await entries(join(folder, 'blobs'))) {
    for (const versionId of await entries(join(folder, 'blobs', group))) {
      if (!index.findVersion(versionId)) await removeOld(join(folder, 'blobs', group, versionId), now);
    }
  }
}

async function removeOld(path: string, now: number): Promise<void> {
  try {
    // the change time: a linked file may have been written long ago
    const { ctimeMs } = await stat(path);
    if (now - ctimeMs > leftOverMilliseconds) await rm(path, { force: true });
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

async function entries(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
