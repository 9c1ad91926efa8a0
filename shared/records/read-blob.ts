import { UnavailableError } from '../errors.ts';
import type { BlobRef, World } from '../platform/ports.ts';

/** All bytes of a small content. Throws `UnavailableError` where a record names one that is not there (yet). */
export async function readBlob({ blobs }: Pick<World, 'blobs'>, { key, versionId }: BlobRef): Promise<Uint8Array> {
  const info = await blobs.head({ key, versionId });
  if (!info) throw new UnavailableError(`the content ${key} is missing`);
  return info.sizeBytes === 0 ? new Uint8Array() : blobs.read(info, 0, info.sizeBytes);
}
