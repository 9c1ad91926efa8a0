import type { z } from 'zod';
import { UnavailableError } from '../errors.ts';
import type { BlobRef, World } from '../platform/ports.ts';

/** The bytes of a small content. Throws `UnavailableError` where a record names one that is not there (yet). */
export async function readBlob({ blobs }: Pick<World, 'blobs'>, { key, versionId }: BlobRef): Promise<Uint8Array> {
  const info = await blobs.head({ key, versionId });
  if (!info) throw new UnavailableError(`the content ${key} is missing`);
  return info.sizeBytes === 0 ? new Uint8Array() : blobs.read(info, 0, info.sizeBytes);
}

/** A content that the platform wrote as JSON; what does not parse is our own bug. */
export async function readJsonBlob<T>(world: Pick<World, 'blobs'>, ref: BlobRef, schema: z.ZodType<T>): Promise<T> {
  return schema.parse(JSON.parse(new TextDecoder().decode(await readBlob(world, ref))));
}
