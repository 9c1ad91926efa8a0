import { open, type FileHandle } from 'node:fs/promises';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { completeUpload, signUploadParts, type Upload } from '../../shared/contract/uploads.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { hashFile, type HashedFile, type HashedPart } from './hash-file.ts';
import { inParallel } from './in-parallel.ts';
import { retrying, storeFetch, type RetryOptions } from './retry.ts';

/** A file to be sent: how it is called there and where it is here. */
export interface LocalFile extends HashedFile {
  readonly path: string;
  readonly localPath: string;
}

export interface SendOptions extends RetryOptions {
  /** Told of bytes that are there, those of an interrupted upload included. */
  readonly onBytes?: (count: number) => void;
}

/**
 * Sends what is missing of an open upload, some parts at once, and completes it. Parts that have arrived before are not sent again. Rejects
 * with `UnavailableError` when the store stays away; calling it again goes on. Throws `DomainError('changed-meanwhile')` when a file
 * is no longer what was announced.
 */
export async function sendUpload(
  api: ApiClient,
  upload: Upload,
  files: readonly LocalFile[],
  options: SendOptions = {},
): Promise<Upload> {
  for (const announced of upload.files) {
    const file = files.find(({ path }) => path === announced.path);
    if (!file) throw new DomainError('upload', `The upload has a file ${announced.path}, which is not here.`);
    await sendFile(api, upload, announced, file, options);
  }
  return api.call(completeUpload, { params: { upload: upload.id } });
}

async function sendFile(
  api: ApiClient,
  upload: Upload,
  { path, received }: Upload['files'][number],
  file: LocalFile,
  options: SendOptions,
): Promise<void> {
  const { partSizeBytes, id } = upload;
  const { parts } = partSizeBytes === limits.uploadPartBytes ? file : await hashFile(file.localPath, partSizeBytes);
  const there = new Map(received.map(({ number, sha256 }) => [number, sha256]));
  const missing = parts.filter(({ number, sha256 }) => there.get(number) !== sha256);
  for (const part of parts) if (!missing.includes(part)) options.onBytes?.(part.sizeBytes);
  const sign = async (batch: readonly HashedPart[]): Promise<SignedPart[]> =>
    (await api.call(signUploadParts, { params: { upload: id }, body: { path, parts: [...batch] } })).parts;
  const handle = await open(file.localPath, 'r');
  try {
    await inParallel(signedInBatches(missing, sign), partsAtOnce, async ({ part, signed }) => {
      const bytes = await readPart(handle, part, partSizeBytes);
      await retrying(async (attempt) => {
        const [request] = attempt === 1 ? [signed] : await sign([part]);
        if (request) await sendPart(request, bytes, file.path);
      }, options);
      options.onBytes?.(part.sizeBytes);
    });
  } finally {
    await handle.close();
  }
}

export type SignedPart = { readonly number: number; readonly url: string; readonly headers: Record<string, string> };

/** Each batch is signed when its first part is about to be sent, so that a link does not wait long enough to expire. */
async function* signedInBatches(
  parts: readonly HashedPart[],
  sign: (batch: readonly HashedPart[]) => Promise<SignedPart[]>,
): AsyncGenerator<{ part: HashedPart; signed: SignedPart }> {
  for (let at = 0; at < parts.length; at += partsSignedAtOnce) {
    const signed = new Map((await sign(parts.slice(at, at + partsSignedAtOnce))).map((one) => [one.number, one]));
    for (const part of parts.slice(at, at + partsSignedAtOnce)) {
      const request = signed.get(part.number);
      if (request) yield { part, signed: request };
    }
  }
}

/** Each part in flight stands in memory. */
export const partsAtOnce = 4;
const partsSignedAtOnce = 32;

async function readPart(
  handle: FileHandle,
  { number, sizeBytes }: HashedPart,
  partSizeBytes: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes;) {
    const { bytesRead } = await handle.read(bytes, at, sizeBytes - at, (number - 1) * partSizeBytes + at);
    if (bytesRead === 0) throw changed(`part ${number}`);
    at += bytesRead;
  }
  return bytes;
}

/** Sends the bytes of one part. Throws `UnavailableError` where another try, with a new link, may succeed. */
export async function sendPart({ url, headers }: SignedPart, bytes: Uint8Array, path: string): Promise<void> {
  const response = await storeFetch(url, { method: 'PUT', headers, body: bytes as Uint8Array<ArrayBuffer> }); // made by `readPart`
  // what was taken was taken, even where the answer breaks off
  const text = await response.text().catch(() => '');
  if (response.ok) return;
  // an expired link is signed anew, a busy store asked again, and bytes that did not all come are sent again
  if (response.status >= 500 || [403, 408, 429].includes(response.status) || cutShort.test(text))
    throw new UnavailableError(`The store answers ${response.status}: ${text.slice(0, 200)}`);
  if (response.status === 400 || response.status === 422) throw changed(`${path}: ${text.slice(0, 200)}`);
  throw new DomainError('upload', `The store refuses a part of ${path}: ${response.status} ${text.slice(0, 200)}`);
}

/** What S3 says, under status 400, of a body that came too slowly or not to its end. */
const cutShort = /<Code>(RequestTimeout|IncompleteBody)<\/Code>/;

const changed = (what: string): DomainError =>
  new DomainError('changed-meanwhile', `The file changed while it was sent (${what}): send it again.`);
