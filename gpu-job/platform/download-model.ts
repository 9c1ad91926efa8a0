import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { downloadFile, HubApiError, listFiles, type ListFileEntry } from '@huggingface/hub';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { hashFile } from '../folders/hashes.ts';
import { isModelFile } from '../jobs/import-base.ts';

export interface DownloadOptions {
  readonly hubUrl?: string | undefined;
  /** For models that are not open to everyone. */
  readonly accessToken?: string | undefined;
  readonly stop: AbortSignal;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

/**
 * Downloads a model from Hugging Face at a commit: the files at the top that belong to a model folder. What the hub says of a large file's
 * hash is checked. Throws `DomainError` when the hub refuses, `UnavailableError` when it does not answer or `stop` is aborted.
 */
export async function downloadModel(
  { repository, revision }: { readonly repository: string; readonly revision: string },
  folder: string,
  options: DownloadOptions,
): Promise<void> {
  const hub = {
    ...(options.hubUrl === undefined ? {} : { hubUrl: options.hubUrl }),
    ...(options.accessToken === undefined ? {} : { accessToken: options.accessToken }),
  };
  await asking(`${repository} at ${revision}`, async () => {
    const repo = { type: 'model', name: repository } as const;
    const files = [];
    for await (const file of listFiles({ repo, revision, ...hub })) if (file.type === 'file') files.push(file);
    const wanted = wantedFiles(repository, files);
    const total = wanted.reduce((sum, { size }) => sum + size, 0);
    let done = 0;
    await mkdir(folder, { recursive: true });
    for (const { path, size, lfs } of wanted) {
      if (options.stop.aborted) throw new UnavailableError('The download was stopped.');
      const blob = await downloadFile({ repo, path, revision, ...hub });
      if (!blob) throw new UnavailableError(`The hub lists ${path} and does not have it.`);
      const stream = Readable.fromWeb(blob.stream());
      await pipeline(stream, createWriteStream(join(folder, path)), { signal: options.stop });
      const digest = await hashFile(join(folder, path));
      if (digest.sizeBytes !== size || (lfs && digest.sha256 !== lfs.oid))
        throw new UnavailableError(`${path} did not come as the hub describes it.`);
      done += size;
      options.onProgress(done, total);
    }
  });
}

/** A model folder's own files; of a repository without safetensors its one GGUF file. */
function wantedFiles(repository: string, files: readonly ListFileEntry[]): readonly ListFileEntry[] {
  const own = files.filter(({ path }) => isModelFile(path));
  if (own.some(({ path }) => path.endsWith('.safetensors'))) return own;
  const ggufs = files.filter(({ path }) => /^[^/]+\.gguf$/.test(path));
  if (ggufs.length === 1) return ggufs;
  const names = ggufs.map(({ path }) => path).join(', ');
  throw new DomainError(
    'no-model',
    ggufs.length === 0
      ? `${repository} has neither safetensors nor GGUF files at its top.`
      : `${repository} has ${ggufs.length} GGUF files: download one of ${names} and add it from there.`,
  );
}

async function asking(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof DomainError || error instanceof UnavailableError) throw error;
    if (error instanceof HubApiError && [400, 401, 403, 404].includes(error.statusCode))
      throw new DomainError(
        'hub-refused',
        `Hugging Face does not give ${what} (${error.statusCode}): check the name and the revision; a gated model needs HF_TOKEN, on AWS the token of the stage.`,
        { cause: error },
      );
    if (error instanceof HubApiError || (error instanceof Error && isNetwork(error)))
      throw new UnavailableError(`Hugging Face did not give ${what}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** `fetch` fails with a TypeError whose cause is the system's; a stream that ends early with the system's own. */
const isNetwork = (error: Error): boolean =>
  error.name === 'AbortError' || (error instanceof TypeError && error.cause !== undefined) || 'code' in error;
