import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { World } from '../../shared/platform/ports.ts';
import type { StoredFile } from '../../shared/records/stored-file.ts';
import { hashFile } from '../folders/hashes.ts';

/** Every file of a folder, also of those inside it: paths with `/` between the parts, sorted. */
export async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .map((path) => path.replaceAll(sep, '/'))
    .toSorted();
}

/** Keeps files of a folder, each under the key of its path. They must not be changed afterwards. */
export async function storeFiles(
  { blobs }: Pick<World, 'blobs'>,
  folder: string,
  paths: readonly string[],
  keyOf: (path: string) => string,
): Promise<StoredFile[]> {
  const stored: StoredFile[] = [];
  for (const path of paths) {
    const { sha256, sizeBytes } = await hashFile(join(folder, path));
    const { key, versionId } = await blobs.putFile(keyOf(path), join(folder, path));
    stored.push({ path, sizeBytes, sha256, blob: { key, versionId } });
  }
  return stored;
}
