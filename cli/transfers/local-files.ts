import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { DomainError } from '../../shared/errors.ts';
import type { ProgressView } from '../progress-view.ts';
import { limits } from '../../shared/limits.ts';
import { hashFile } from './hash-file.ts';
import type { LocalFile } from './send-upload.ts';
import { transferView } from './transfer-view.ts';

/** Files as they are announced to the server: sizes and hashes, read from the disk. */
export async function hashFiles(
  files: readonly { readonly path: string; readonly localPath: string }[],
  view: Pick<ProgressView, 'show'>,
  now: () => number,
): Promise<LocalFile[]> {
  const sizes = await Promise.all(files.map(async ({ localPath }) => sizeOf(localPath)));
  const onBytes = transferView(
    view,
    'reading',
    sizes.reduce((sum, size) => sum + size, 0),
    now,
  );
  const hashed: LocalFile[] = [];
  for (const { path, localPath } of files)
    hashed.push({ path, localPath, ...(await hashFile(localPath, limits.uploadPartBytes, onBytes)) });
  return hashed;
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
  });
  if (found?.isFile() !== true) throw new DomainError('file-missing', `There is no file ${path}.`);
  return found.size;
}

export const announced = ({
  path,
  sizeBytes,
  sha256,
}: LocalFile): { path: string; sizeBytes: number; sha256: string } => ({
  path,
  sizeBytes,
  sha256,
});

/** An `Idempotency-Key` made from what is sent: an upload that was interrupted is found again, whoever asks. */
export function contentKey(what: unknown): string {
  return createHash('sha256').update(JSON.stringify(what)).digest('hex');
}
