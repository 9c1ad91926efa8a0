import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { DomainError } from '../../shared/errors.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import type { ByteSink, ByteSource } from '../../shared/formats/bytes.ts';
import { limits } from '../../shared/limits.ts';
import { removeLeftovers, replacedBeside, temporaryBeside } from './temporary-names.ts';

/** Reads a whole small file as UTF-8 text, at most `limits.jsonFileBytesMax` bytes. */
export async function readTextFile(path: string): Promise<string> {
  const source = await openFileSource(path);
  try {
    if (source.sizeBytes > limits.jsonFileBytesMax)
      throw new DomainError(
        'file-too-large',
        `${path} has ${source.sizeBytes} bytes; at most ${limits.jsonFileBytesMax} are read as text.`,
      );
    return new TextDecoder('utf-8', { fatal: true }).decode(await source.read(0, source.sizeBytes));
  } catch (error) {
    if (error instanceof TypeError) throw new DomainError('not-utf8', `${path} is not valid UTF-8 text.`);
    throw error;
  } finally {
    await source.close();
  }
}

/** Reads and parses a JSON file; throws `DomainError('not-json')` with the parser's reason. */
export async function readJsonFile(path: string): Promise<unknown> {
  const text = await readTextFile(path);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new DomainError('not-json', `${path} is not valid JSON: ${error instanceof Error ? error.message : ''}`);
  }
}

/** Whether there is a file or folder at `path`. */
export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/**
 * Writes a file so that `path` holds either what it held before or all of the new content, even if the machine stops:
 * a temporary file beside it, flushed to disk, then renamed. `write` gets the sink of the temporary file. What a process that was
 * killed while it wrote the same path left there is removed first.
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string | ((sink: ByteSink) => Promise<void>),
): Promise<void> {
  await removeLeftovers(dirname(path), basename(path));
  const temporary = temporaryBeside(path);
  const handle = await open(temporary, 'wx');
  try {
    const sink = handleSink(handle);
    if (typeof content === 'function') await content(sink);
    else await sink.write(typeof content === 'string' ? new TextEncoder().encode(content) : content);
    await handle.sync();
    await handle.close();
    await rename(temporary, path);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/**
 * Fills a folder so that `path` is either absent (or what it was) or complete: a temporary folder beside it, then renamed.
 * Throws `DomainError('folder-exists')` when something other than an empty folder is at `path`, unless `replace` is set;
 * a replaced folder is moved aside first and deleted last. What a process that was killed while it filled the same path left
 * there is removed first.
 */
export async function writeFolderAtomic(
  path: string,
  fill: (temporaryFolder: string) => Promise<void>,
  options: { readonly replace?: boolean } = {},
): Promise<void> {
  const parent = dirname(path);
  await mkdir(parent, { recursive: true });
  await removeLeftovers(parent, basename(path));
  if (options.replace !== true && (await isOccupied(path)))
    throw new DomainError('folder-exists', `${path} exists already: choose another folder or remove it first.`);
  const temporary = temporaryBeside(path);
  const replaced = replacedBeside(temporary);
  try {
    await mkdir(temporary);
    await fill(temporary);
    await syncFolder(temporary);
    if (await isOccupied(path)) await rename(path, replaced);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if ((await exists(replaced)) && !(await exists(path))) await rename(replaced, path);
    throw error;
  }
  await syncFolder(parent);
  await rm(replaced, { recursive: true, force: true });
}

/** Copies a file piece by piece. */
export async function copyToSink(source: ByteSource, sink: ByteSink): Promise<void> {
  for (let at = 0; at < source.sizeBytes; at += limits.copyChunkBytes)
    await sink.write(await source.read(at, Math.min(limits.copyChunkBytes, source.sizeBytes - at)));
}

/** One system call moves less than 2 GiB. */
const readBytesMax = 2 ** 30;

function handleSink(handle: FileHandle): ByteSink {
  return {
    async write(bytes) {
      for (let done = 0; done < bytes.byteLength;) {
        const length = Math.min(bytes.byteLength - done, readBytesMax);
        done += (await handle.write(bytes, done, length)).bytesWritten;
      }
    },
  };
}

/** Whether something is at `path` that may not be overwritten: anything but an empty folder. */
export async function isOccupied(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && (!info.isDirectory() || (await readdir(path)).length > 0);
}

/** Makes a rename last through a power cut. Windows has no such call and needs none. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
