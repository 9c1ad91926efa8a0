import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { World } from '../../shared/platform/ports.ts';
import type { StoredFile } from '../../shared/records/stored-file.ts';

/** Puts stored files into a folder under their own paths; for reading, they may be links to what is kept. */
export async function placeFiles(
  { blobs }: Pick<World, 'blobs'>,
  files: readonly Pick<StoredFile, 'path' | 'blob'>[],
  folder: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { path, blob } of files) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await blobs.materialise(blob, target);
  }
}
