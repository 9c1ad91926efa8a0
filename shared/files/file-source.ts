import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { DomainError } from '../errors.ts';
import type { ByteSource } from '../formats/bytes.ts';

export interface FileSource extends ByteSource {
  readInto(target: Uint8Array, offset: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens a file for random access; the caller closes it. Throws `DomainError('file-missing')` when there is no such file. */
export async function openFileSource(path: string): Promise<FileSource> {
  const handle = await openForReading(path);
  const { size } = await handle.stat();
  const readInto = async (target: Uint8Array, offset: number): Promise<void> => {
    const lengthBytes = target.byteLength;
    if (offset < 0 || offset + lengthBytes > size)
      throw new RangeError(`${path}: read of ${lengthBytes} bytes at ${offset} is out of range`);
    let done = 0;
    while (done < lengthBytes) {
      const length = Math.min(lengthBytes - done, readBytesMax);
      const { bytesRead } = await handle.read(target, done, length, offset + done);
      if (bytesRead === 0)
        throw new DomainError('file-changed', `${path} became shorter while it was being read; run again.`);
      done += bytesRead;
    }
  };
  return {
    name: basename(path),
    sizeBytes: size,
    readInto,
    async read(offset, lengthBytes) {
      if (lengthBytes < 0 || offset + lengthBytes > size)
        throw new RangeError(`${path}: read of ${lengthBytes} bytes at ${offset} is out of range`);
      const bytes = new Uint8Array(lengthBytes);
      await readInto(bytes, offset);
      return bytes;
    },
    close: () => handle.close(),
  };
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    const handle = await open(path, 'r');
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code; // fs rejects with errno errors
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new DomainError('file-missing', `There is no file ${path}.`);
    if (code === 'EACCES' || code === 'EPERM')
      throw new DomainError('file-unreadable', `${path} may not be read by this user.`, { cause: error });
    throw error;
  }
  throw new DomainError('file-missing', `${path} is not a file.`);
}

/** One system call moves less than 2 GiB. */
const readBytesMax = 2 ** 30;
