import { createHash } from 'node:crypto';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { completeUpload, signUploadParts, type Upload } from '../../shared/contract/uploads.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { inParallel } from './in-parallel.ts';
import type { RemoteFile } from './receive-files.ts';
import { retrying, storeFetch } from './retry.ts';
import { partsAtOnce, sendPart, type SendOptions } from './send-upload.ts';

/**
 * Sends what is missing of an open upload from another server, part by part and without a file in between, and completes it. `ask` gives
 * the files with fresh links. A part that has arrived before is not looked at again: the SHA-256 that was announced of the whole file is
 * held against all of it when it is there. Rejects with `UnavailableError` when a store stays away; calling it again goes on.
 */
export async function relayUpload(
  api: ApiClient,
  upload: Upload,
  ask: () => Promise<readonly RemoteFile[]>,
  options: SendOptions = {},
): Promise<Upload> {
  let files = await ask();
  for (const { path, sizeBytes, received } of upload.files) {
    const there = new Map(received.map((part) => [part.number, part.sizeBytes]));
    const parts = partsOf(sizeBytes, upload.partSizeBytes);
    const missing = parts.filter((part) => there.get(part.number) !== part.sizeBytes);
    for (const part of parts) if (!missing.includes(part)) options.onBytes?.(part.sizeBytes);
    await inParallel(missing, partsAtOnce, async (part) => {
      await retrying(async (attempt) => {
        if (attempt > 1) files = await ask();
        const file = files.find((one) => one.path === path);
        if (!file) throw new DomainError('damaged', `The server no longer has ${path}.`);
        await relayPart(api, upload, file, part);
      }, options);
      options.onBytes?.(part.sizeBytes);
    });
  }
  return api.call(completeUpload, { params: { upload: upload.id } });
}

interface Part {
  /** From 1. */
  readonly number: number;
  readonly first: number;
  readonly sizeBytes: number;
}

function partsOf(sizeBytes: number, partSizeBytes: number): Part[] {
  return Array.from({ length: Math.ceil(sizeBytes / partSizeBytes) }, (_, at) => ({
    number: at + 1,
    first: at * partSizeBytes,
    sizeBytes: Math.min(partSizeBytes, sizeBytes - at * partSizeBytes),
  }));
}

async function relayPart(api: ApiClient, { id }: Upload, file: RemoteFile, part: Part): Promise<void> {
  const { number, sizeBytes } = part;
  const bytes = await fetchPart(file, part);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const body = { path: file.path, parts: [{ number, sizeBytes, sha256 }] };
  const { parts } = await api.call(signUploadParts, { params: { upload: id }, body });
  for (const signed of parts) await sendPart(signed, bytes, file.path);
}

async function fetchPart({ path, url, headers }: RemoteFile, { first, sizeBytes }: Part): Promise<Uint8Array> {
  const range = `bytes=${first}-${first + sizeBytes - 1}`;
  const response = await storeFetch(url, { headers: { ...headers, range } });
  if (response.status !== 206) {
    await response.body?.cancel();
    throw new UnavailableError(`The store answers ${response.status} for ${path}.`);
  }
  try {
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length === sizeBytes) return bytes;
  } catch (cause) {
    throw new UnavailableError(`${path} broke off.`, { cause });
  }
  throw new UnavailableError(`The store sends another part of ${path} than was asked for.`);
}
