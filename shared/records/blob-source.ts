import type { ByteSource } from '../formats/bytes.ts';
import type { World } from '../platform/ports.ts';
import type { StoredFile } from './stored-file.ts';

/** A stored file as something to read from, by ranges. */
export function blobSource({ blobs }: Pick<World, 'blobs'>, { path, sizeBytes, blob }: StoredFile): ByteSource {
  return {
    name: path,
    sizeBytes,
    read: (offset, lengthBytes) =>
      lengthBytes === 0 ? Promise.resolve(new Uint8Array()) : blobs.read(blob, offset, lengthBytes),
    readInto: (target, offset) => blobs.readInto(blob, offset, target),
  };
}
