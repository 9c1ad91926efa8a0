import type { z } from 'zod';
import type { downloadField } from '../contract/fields.ts';
import { limits } from '../limits.ts';
import type { World } from '../platform/ports.ts';
import { presentFile, type StoredFile } from './stored-file.ts';

export type Download = z.output<typeof downloadField>;

/** A file with a link that works for a few minutes, without a key. */
export async function downloadLink({ blobs }: Pick<World, 'blobs'>, file: StoredFile): Promise<Download> {
  const { url, headers, expiresAt } = await blobs.signDownload(file.blob, {
    fileName: file.path.slice(file.path.lastIndexOf('/') + 1),
    expiresSeconds: limits.downloadLinkSeconds,
  });
  return { ...presentFile(file), url, headers: { ...headers }, expiresAt: new Date(expiresAt).toISOString() };
}

export function downloadLinks(world: Pick<World, 'blobs'>, files: readonly StoredFile[]): Promise<Download[]> {
  return Promise.all(files.map((file) => downloadLink(world, file)));
}
