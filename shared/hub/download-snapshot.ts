import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { downloadFile, HubApiError, listFiles, modelInfo, type ListFileEntry } from '@huggingface/hub';
import { DomainError, UnavailableError } from '../errors.ts';
import { hubModelFolder, isCommit, isSafeName, type Environment, type HubSnapshot } from './hub-cache.ts';

export interface DownloadOptions {
  /** `HF_ENDPOINT`, `HF_TOKEN` and the places of the cache count. */
  readonly environment: Environment;
  /** A branch, tag or commit; default `main`. */
  readonly revision?: string;
  /** Which files are wanted, by name. */
  wants(name: string): boolean;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/**
 * Downloads files of a model into the local Hugging Face cache, in that cache's own layout, pinned to the commit that `revision` is
 * now; what is there already is not fetched again. Throws `DomainError('hub-missing')`, or `UnavailableError` when the hub
 * cannot be reached or a file did not arrive as it was sent.
 */
export async function downloadSnapshot(
  id: string,
  options: DownloadOptions,
): Promise<HubSnapshot & { files: string[] }> {
  const { environment, revision = 'main' } = options;
  const access = accessOf(environment);
  return told(id, revision, async () => {
    const commit = isCommit(revision) ? revision : await commitOf(id, revision, access);
    const entries: ListFileEntry[] = [];
    for await (const entry of listFiles({ repo: id, revision: commit, recursive: true, ...access }))
      if (entry.type === 'file') entries.push(entry);
    const wanted = entries.filter(({ path }) => options.wants(path));
    const strange = wanted.find(({ path }) => !isSafeName(path));
    if (strange) throw new DomainError('hub-missing', `${id} has a file that cannot be stored: ${strange.path}`);
    const model = hubModelFolder(id, environment);
    const total = wanted.reduce((sum, { size }) => sum + size, 0);
    let done = 0;
    for (const entry of wanted) {
      await downloadEntry({ id, commit, model, entry, access }, (bytes) => options.onProgress?.(done + bytes, total));
      done += entry.size;
    }
    if (!isCommit(revision)) await writeRef(model, revision, commit);
    return { folder: join(model, 'snapshots', commit), commit, files: entries.map(({ path }) => path) };
  });
}

interface Access {
  readonly hubUrl?: string;
  readonly accessToken?: string;
}

/** The library takes no token that is not one of the hub's. */
function accessOf({ HF_ENDPOINT, HF_TOKEN }: Environment): Access {
  return {
    ...(HF_ENDPOINT ? { hubUrl: HF_ENDPOINT.replace(/\/+$/, '') } : {}),
    ...(HF_TOKEN?.startsWith('hf_') === true ? { accessToken: HF_TOKEN } : {}),
  };
}

async function commitOf(id: string, revision: string, access: Access): Promise<string> {
  const { sha } = await modelInfo({ name: id, revision, additionalFields: ['sha'], ...access });
  if (typeof sha === 'string' && isCommit(sha)) return sha;
  throw new UnavailableError(`The hub does not tell the commit of ${id} at ${revision}.`);
}

interface Download {
  readonly id: string;
  readonly commit: string;
  readonly model: string;
  readonly entry: ListFileEntry;
  readonly access: Access;
}

/** A blob named by its hash, and a link to it from the snapshot; each appears whole or not at all. */
async function downloadEntry(
  { id, commit, model, entry, access }: Download,
  onBytes: (done: number) => void,
): Promise<void> {
  const pointer = join(model, 'snapshots', commit, ...entry.path.split('/'));
  if (await isThere(pointer)) return onBytes(entry.size);
  const name = entry.lfs?.oid ?? entry.oid;
  if (name === undefined || !/^[0-9a-f]{40,64}$/.test(name))
    throw new UnavailableError(`The hub does not tell the hash of ${id}/${entry.path}.`);
  const blob = join(model, 'blobs', name);
  if (!(await isThere(blob))) {
    const partial = `${blob}.${process.pid}.incomplete`;
    await mkdir(dirname(blob), { recursive: true });
    try {
      const content = await downloadFile({ repo: id, path: entry.path, revision: commit, ...access });
      if (!content) throw new UnavailableError(`${id}/${entry.path} was listed, but is not there.`);
      const sha256 = createHash('sha256');
      let bytes = 0;
      const count = new Transform({
        transform(piece: Buffer, _, next) {
          bytes += piece.byteLength;
          sha256.update(piece);
          onBytes(bytes);
          next(null, piece);
        },
      });
      await pipeline(Readable.fromWeb(content.stream()), count, createWriteStream(partial));
      if (bytes !== entry.size || (entry.lfs && sha256.digest('hex') !== entry.lfs.oid))
        throw new UnavailableError(`${id}/${entry.path} did not arrive as it was sent; try again.`);
      await rename(partial, blob);
    } finally {
      await rm(partial, { force: true });
    }
  }
  await mkdir(dirname(pointer), { recursive: true });
  await rm(pointer, { force: true }); // a link that leads nowhere
  // where links are not allowed, as on some Windows machines, a copy does
  await symlink(relative(dirname(pointer), blob), pointer).catch(() => copyFile(blob, pointer));
}

async function writeRef(model: string, revision: string, commit: string): Promise<void> {
  if (!isSafeName(revision)) return;
  const ref = join(model, 'refs', ...revision.split('/'));
  await mkdir(dirname(ref), { recursive: true });
  await writeFile(ref, commit);
}

const isThere = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;

/** Says in the user's words why the hub did not give what was asked for. */
async function told<T>(id: string, revision: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DomainError || error instanceof UnavailableError) throw error;
    if (error instanceof HubApiError && error.statusCode < 500 && error.statusCode !== 429 && error.statusCode !== 408)
      throw new DomainError(
        'hub-missing',
        `The hub has no ${id} at ${revision} that may be read (status ${error.statusCode}); a private one needs HF_TOKEN.`,
        { cause: error },
      );
    const reason = error instanceof HubApiError ? `status ${error.statusCode}` : reasonOf(error);
    throw new UnavailableError(`The hub did not give ${id}: ${reason}.`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
