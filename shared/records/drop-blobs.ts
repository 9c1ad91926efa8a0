import type { World } from '../platform/ports.ts';

/**
 * Deletes everything under a prefix that was written before `writtenBefore` (milliseconds since 1970), for good. A list shows the newest
 * version of each key alone, so it is asked again until it shows nothing of that age; whoever dies in between begins again.
 */
export async function dropBlobs(
  { blobs }: Pick<World, 'blobs'>,
  prefix: string,
  writtenBefore: number = Infinity,
): Promise<void> {
  for (let found = true; found;) {
    found = false;
    for await (const blob of blobs.list(prefix)) {
      if (blob.writtenAt >= writtenBefore) continue;
      found = true;
      await blobs.delete(blob);
    }
  }
}
