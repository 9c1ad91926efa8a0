import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { inParallel } from './in-parallel.ts';
import { retrying, storeFetch, type RetryOptions } from './retry.ts';

/** A file that can be fetched by its link for a while. */
export interface RemoteFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ReceiveOptions extends RetryOptions {
  /** Told of bytes that are here, those of an interrupted transfer included; negative when some turn out to be wrong. */
  readonly onBytes?: (count: number) => void;
  /** Texts that are laid beside, by path; of the files none has such a name. */
  readonly beside?: Readonly<Record<string, string>>;
  /** The same files with fresh links; asked when a link is refused. */
  readonly renew?: () => Promise<readonly RemoteFile[]>;
}

/**
 * Fetches files into `folder`, which must not exist and appears whole, each file verified by its SHA-256. What an interrupted call has
 * left in `<folder>.part` is gone on with. Throws `DomainError('folder' | 'damaged')`.
 */
export async function receiveFiles(
  folder: string,
  files: readonly RemoteFile[],
  options: ReceiveOptions = {},
): Promise<void> {
  await refuseExisting(folder);
  const partial = `${folder}.part`;
  await mkdir(partial, { recursive: true });
  let known = files;
  await inParallel(files, filesAtOnce, async ({ path }) => {
    const target = placeIn(partial, path);
    await mkdir(dirname(target), { recursive: true });
    await retrying(async (attempt) => {
      if (attempt > 1 && options.renew) known = await options.renew();
      const file = known.find((one) => one.path === path);
      if (!file) throw new DomainError('damaged', `The server no longer has ${path}.`);
      await receiveFile(file, target, options.onBytes ?? (() => {}));
    }, options);
  });
  for (const [path, text] of Object.entries(options.beside ?? {})) await writeFile(placeIn(partial, path), text);
  await rename(partial, folder);
}

/** Throws `DomainError('folder')` when something stands there. */
export async function refuseExisting(folder: string): Promise<void> {
  const exists = await access(folder).then(
    () => true,
    () => false,
  );
  if (exists) throw new DomainError('folder', `${folder} exists already: choose another folder, or remove it.`);
}

const filesAtOnce = 4;

/** The server is not trusted to name places outside the folder. */
function placeIn(folder: string, path: string): string {
  const target = resolve(folder, path);
  if (!target.startsWith(resolve(folder) + sep)) throw new DomainError('damaged', `"${path}" leads out of the folder.`);
  return join(target);
}

async function receiveFile(file: RemoteFile, target: string, onBytes: (count: number) => void): Promise<void> {
  const { hash, here } = await hashHere(target, file.sizeBytes);
  onBytes(here);
  let got = here;
  try {
    if (here < file.sizeBytes) got = await receiveRest(file, target, here, hash, onBytes);
  } catch (error) {
    onBytes(-got); // the next try counts what is here again
    throw error;
  }
  if (got === file.sizeBytes && hash.digest('hex') === file.sha256) return;
  onBytes(-got);
  const short = got < file.sizeBytes;
  if (!short) await rm(target);
  // what was left by another version shows here; the next try begins at nothing
  throw new UnavailableError(
    short
      ? `${file.path} broke off after ${got} of ${file.sizeBytes} bytes.`
      : `${file.path} is not what its SHA-256 says.`,
  );
}

/** The hash of what is here already. A file that is too long is of something else and goes. */
async function hashHere(target: string, sizeBytes: number): Promise<{ hash: Hash; here: number }> {
  const hash = createHash('sha256');
  const here = await stat(target).then(
    ({ size }) => size,
    () => 0,
  );
  if (here > sizeBytes) {
    await rm(target);
    return { hash, here: 0 };
  }
  if (here > 0) for await (const chunk of createReadStream(target)) hash.update(chunk as Uint8Array); // no encoding: bytes
  if (sizeBytes === 0) await (await open(target, 'a')).close();
  return { hash, here };
}

async function receiveRest(
  { url, headers, path, sizeBytes }: RemoteFile,
  target: string,
  from: number,
  hash: Hash,
  onBytes: (count: number) => void,
): Promise<number> {
  const response = await storeFetch(url, { headers: { ...headers, ...(from > 0 ? { range: `bytes=${from}-` } : {}) } });
  if (response.status !== (from > 0 ? 206 : 200) || !response.body) {
    await response.body?.cancel();
    throw new UnavailableError(`The store answers ${response.status} for ${path}.`);
  }
  let got = from;
  const handle = await open(target, 'a', 0o644);
  try {
    for await (const bytes of response.body) {
      if (got + bytes.length > sizeBytes) throw new UnavailableError(`The store sends too much of ${path}.`);
      await handle.writeFile(bytes);
      hash.update(bytes);
      got += bytes.length;
      onBytes(bytes.length);
    }
  } catch (error) {
    if (error instanceof TypeError) return got; // the connection broke off
    throw error;
  } finally {
    await handle.close();
  }
  return got;
}
