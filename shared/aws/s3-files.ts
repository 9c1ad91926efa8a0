import { link, lstat, open, rm } from 'node:fs/promises';
import { limits } from '../limits.ts';
import type { BlobInfo, MultipartPart } from '../platform/ports.ts';

/** Where the content of a file goes. */
export interface FileTarget {
  put(bytes: Uint8Array): Promise<BlobInfo>;
  begin(partSizeBytes: number): Promise<string>;
  send(uploadId: string, number: number, bytes: Uint8Array): Promise<MultipartPart>;
  complete(uploadId: string, parts: readonly MultipartPart[]): Promise<BlobInfo>;
  abort(uploadId: string): Promise<void>;
}

/** Sends a file: a small one at once, a large one in parts, several at a time. Holds that many parts in memory. */
export async function uploadFile(path: string, target: FileTarget): Promise<BlobInfo> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size <= limits.awsTransferBytes) return await target.put(await file.readFile());
    const partSizeBytes = Math.max(limits.awsTransferBytes, Math.ceil(size / limits.partsMax));
    const uploadId = await target.begin(partSizeBytes);
    try {
      const parts: MultipartPart[] = [];
      await inRanges(size, partSizeBytes, async (offset, lengthBytes) => {
        const bytes = new Uint8Array(lengthBytes);
        for (let read = 0; read < lengthBytes;) {
          const { bytesRead } = await file.read(bytes, read, lengthBytes - read, offset + read);
          if (bytesRead === 0) throw new Error(`${path} became shorter while it was read`);
          read += bytesRead;
        }
        const number = offset / partSizeBytes + 1;
        parts[number - 1] = await target.send(uploadId, number, bytes);
      });
      return await target.complete(uploadId, parts);
    } catch (error) {
      // what stays is dropped after a week
      await target.abort(uploadId).catch(() => undefined);
      throw error;
    }
  } finally {
    await file.close();
  }
}

export interface FileSource {
  readonly sizeBytes: number;
  readonly read: (offset: number, lengthBytes: number) => Promise<Uint8Array>;
  /** Where it is written until it is whole: beside its place. */
  readonly partial: string;
}

/** Fetches a file, several ranges at a time; it is at `path` once it is whole. Fails with `EEXIST` when something is there. */
export async function downloadFile(path: string, { sizeBytes, read, partial }: FileSource): Promise<void> {
  // before any byte is fetched in vain
  if (await lstat(path).catch(() => undefined)) throw Object.assign(new Error(`${path} exists`), { code: 'EEXIST' });
  const file = await open(partial, 'wx', 0o600);
  try {
    try {
      await inRanges(sizeBytes, limits.awsTransferBytes, async (offset, lengthBytes) => {
        const bytes = await read(offset, lengthBytes);
        for (let written = 0; written < lengthBytes;) {
          const rest = lengthBytes - written;
          written += (await file.write(bytes, written, rest, offset + written)).bytesWritten;
        }
      });
    } finally {
      await file.close();
    }
    // unlike a rename, a link replaces nothing
    await link(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}

/** Works through ranges of `rangeBytes`, `limits.awsTransfersAtOnce` at a time; after a failure begins no more. */
async function inRanges(
  sizeBytes: number,
  rangeBytes: number,
  work: (offset: number, lengthBytes: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < sizeBytes) {
      const offset = next;
      next += rangeBytes;
      try {
        await work(offset, Math.min(rangeBytes, sizeBytes - offset));
      } catch (error) {
        next = Infinity;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: limits.awsTransfersAtOnce }, one));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
