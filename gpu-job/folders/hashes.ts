import { createHash, type Hash } from 'node:crypto';
import { openFileSource } from '../../shared/files/file-source.ts';
import type { ByteSink } from '../../shared/formats/bytes.ts';
import { limits } from '../../shared/limits.ts';

/** What pins a file: same digest, same bytes. */
export interface FileDigest {
  /** Hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Digest of a file, read in pieces. */
export async function hashFile(path: string): Promise<FileDigest> {
  const source = await openFileSource(path);
  try {
    const hash = createHash('sha256');
    const memory = new Uint8Array(Math.min(limits.copyChunkBytes, source.sizeBytes));
    for (let at = 0; at < source.sizeBytes; at += memory.byteLength) {
      const piece = memory.subarray(0, Math.min(memory.byteLength, source.sizeBytes - at));
      await source.readInto(piece, at);
      hash.update(piece);
    }
    return { sha256: hash.digest('hex'), sizeBytes: source.sizeBytes };
  } finally {
    await source.close();
  }
}

/** Digest of a text as a file would hold it. */
export function hashText(text: string): FileDigest {
  const bytes = new TextEncoder().encode(text);
  return { sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.byteLength };
}

/** Passes bytes on and keeps count of them; `digest` is asked once, at the end. */
export function hashingSink(sink: ByteSink): ByteSink & { digest(): FileDigest } {
  const hash: Hash = createHash('sha256');
  let sizeBytes = 0;
  return {
    async write(bytes) {
      hash.update(bytes);
      sizeBytes += bytes.byteLength;
      await sink.write(bytes);
    },
    digest: () => ({ sha256: hash.digest('hex'), sizeBytes }),
  };
}
