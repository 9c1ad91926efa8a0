import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

export interface HashedPart {
  /** From 1. */
  readonly number: number;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface HashedFile {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly parts: readonly HashedPart[];
}

/** SHA-256 of a file and of each of its parts, read once. `onBytes` is told of every piece read. */
export async function hashFile(
  path: string,
  partSizeBytes: number,
  onBytes: (count: number) => void = () => {},
): Promise<HashedFile> {
  const whole = createHash('sha256');
  const parts: HashedPart[] = [];
  let [part, inPart, sizeBytes]: [Hash, number, number] = [createHash('sha256'), 0, 0];
  const endPart = (): void => {
    parts.push({ number: parts.length + 1, sizeBytes: inPart, sha256: part.digest('hex') });
    [part, inPart] = [createHash('sha256'), 0];
  };
  for await (const chunk of createReadStream(path, { highWaterMark: readBytes })) {
    const bytes = chunk as Uint8Array; // without an encoding a stream gives bytes
    whole.update(bytes);
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + partSizeBytes - inPart);
      part.update(piece);
      at += piece.length;
      inPart += piece.length;
      if (inPart === partSizeBytes) endPart();
    }
    sizeBytes += bytes.length;
    onBytes(bytes.length);
  }
  if (inPart > 0) endPart();
  return { sizeBytes, sha256: whole.digest('hex'), parts };
}

/** Enough for the speed of a disk. */
const readBytes = 1_048_576;
