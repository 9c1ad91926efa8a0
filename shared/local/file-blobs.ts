import { chmod, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { invariant } from '../errors.ts';
import {
  checkBlobKey,
  checkPartSize,
  checkRange,
  noSuchBlob,
  noSuchUpload,
  refuseBadPart,
  refuseIncomplete,
} from '../platform/blob-checks.ts';
import type { BlobInfo, BlobRef, BlobStore, MultipartPart, SignedRequest } from '../platform/ports.ts';
import type { BlobIndex, Upload } from './blob-index.ts';
import type { Durability } from './database.ts';
import { errorCode, linkOrCopy, syncFile, syncFolder } from './durable-files.ts';
import { PartWriter } from './part-writer.ts';
import type { Signer } from './signed-urls.ts';

export interface FileBlobsOptions {
  /** Absolute; `blobs/` and `uploads/` are made in it. */
  readonly folder: string;
  readonly index: BlobIndex;
  readonly signer: Signer;
  /** Where the blob server answers: `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  readonly durability: Durability;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

/** Carries the SHA-256 of a part, in lower-case hex. */
export const partHashHeader = 'x-lorary-sha256';

const listedAtOnce = 1000;
const streamChunkBytes = 1_048_576;

/**
 * Blobs as files named by their version. The row in the index makes a file a blob: it is written last, and deleted first. A finished
 * upload keeps its id as its version, so completing it again finds it.
 */
export class FileBlobs implements BlobStore {
  readonly partWriter: PartWriter;
  readonly #options: FileBlobsOptions;
  readonly #index: BlobIndex;

  constructor(options: FileBlobsOptions) {
    this.#options = options;
    this.#index = options.index;
    this.partWriter = new PartWriter(options.index, (uploadId) => this.#uploadPath(uploadId), options.durability);
  }

  async beginMultipart(key: string, { partSizeBytes }: { readonly partSizeBytes: number }): Promise<string> {
    checkBlobKey(key);
    checkPartSize(partSizeBytes);
    const uploadId = this.#newId();
    const path = this.#uploadPath(uploadId);
    await mkdir(dirname(path), { recursive: true });
    await (await open(path, 'wx', 0o600)).close();
    await syncFolder(dirname(path), this.#options.durability);
    this.#index.beginUpload({ uploadId, key, partSizeBytes }, this.#options.now());
    return uploadId;
  }

  async signPart(
    key: string,
    uploadId: string,
    part: MultipartPart,
    { expiresSeconds }: { readonly expiresSeconds: number },
  ): Promise<SignedRequest> {
    refuseBadPart(part, this.#upload(key, uploadId).partSizeBytes);
    const request = {
      method: 'PUT',
      path: `/blobs/parts/${uploadId}/${part.number}`,
      query: { size: String(part.sizeBytes) },
      headers: { [partHashHeader]: part.sha256 },
    } as const;
    return this.#options.signer.sign(request, { baseUrl: this.#options.baseUrl, expiresSeconds });
  }

  async listParts(key: string, uploadId: string): Promise<readonly MultipartPart[]> {
    this.#upload(key, uploadId);
    return this.#index.parts(uploadId).map(({ number, sizeBytes, sha256 }) => ({ number, sizeBytes, sha256 }));
  }

  async completeMultipart(key: string, uploadId: string, parts: readonly MultipartPart[]): Promise<BlobInfo> {
    const done = this.#index.find({ key, versionId: uploadId });
    if (done) return done;
    const upload = this.#upload(key, uploadId);
    // a part still on its way is not among those received, and must not write into what becomes a blob
    await this.partWriter.stop(uploadId);
    refuseIncomplete(parts, this.#index.parts(uploadId), upload.partSizeBytes);
    const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
    await this.#publish(this.#uploadPath(uploadId), uploadId, sizeBytes);
    const blob = this.#index.completeUpload({ key, versionId: uploadId, sizeBytes, writtenAt: this.#options.now() });
    if (!blob) throw noSuchUpload(uploadId);
    return blob;
  }

  async abortMultipart(key: string, uploadId: string): Promise<void> {
    if (this.#index.findUpload(uploadId)?.key !== key) return;
    this.#index.abortUpload(uploadId);
    await this.partWriter.stop(uploadId);
    await rm(this.#uploadPath(uploadId), { force: true });
  }

  async put(key: string, bytes: Uint8Array): Promise<BlobInfo> {
    checkBlobKey(key);
    const versionId = this.#newId();
    const path = await this.#newBlobPath(versionId);
    const file = await open(path, 'wx', 0o444);
    try {
      await file.writeFile(bytes);
      await syncFile(file, this.#options.durability);
    } finally {
      await file.close();
    }
    return this.#add({ key, versionId, sizeBytes: bytes.byteLength });
  }

  async putFile(key: string, path: string): Promise<BlobInfo> {
    checkBlobKey(key);
    const versionId = this.#newId();
    const target = await this.#newBlobPath(versionId);
    // a link to a symbolic link would follow it wherever it points later
    await linkOrCopy(await realpath(path), target);
    const file = await open(target, 'r');
    try {
      await syncFile(file, this.#options.durability);
      return await this.#add({ key, versionId, sizeBytes: (await file.stat()).size });
    } finally {
      await file.close();
    }
  }

  async head(ref: BlobRef): Promise<BlobInfo | undefined> {
    return this.#index.find(ref);
  }

  async read(ref: BlobRef, offset: number, lengthBytes: number): Promise<Uint8Array> {
    checkRange(offset, lengthBytes, this.#blob(ref).sizeBytes);
    const bytes = new Uint8Array(lengthBytes);
    await this.readInto(ref, offset, bytes);
    return bytes;
  }

  async readInto(ref: BlobRef, offset: number, target: Uint8Array): Promise<void> {
    const lengthBytes = target.byteLength;
    checkRange(offset, lengthBytes, this.#blob(ref).sizeBytes);
    const file = await open(this.blobPath(ref.versionId), 'r').catch(missing(ref));
    try {
      for (let read = 0; read < lengthBytes;) {
        const { bytesRead } = await file.read(target, read, lengthBytes - read, offset + read);
        invariant(bytesRead > 0, `the file of blob ${ref.versionId} is shorter than its row says`);
        read += bytesRead;
      }
    } finally {
      await file.close();
    }
  }

  async *stream(ref: BlobRef): AsyncIterable<Uint8Array> {
    this.#blob(ref);
    const file = await open(this.blobPath(ref.versionId), 'r').catch(missing(ref));
    yield* file.createReadStream({ highWaterMark: streamChunkBytes });
  }

  async materialise(ref: BlobRef, path: string): Promise<void> {
    this.#blob(ref);
    await linkOrCopy(this.blobPath(ref.versionId), path);
  }

  async signDownload(
    ref: BlobRef,
    { fileName, expiresSeconds }: { readonly fileName: string; readonly expiresSeconds: number },
  ): Promise<SignedRequest> {
    this.#blob(ref);
    const request = {
      method: 'GET',
      path: `/blobs/content/${ref.versionId}`,
      query: { name: fileName },
      headers: {},
    } as const;
    return this.#options.signer.sign(request, { baseUrl: this.#options.baseUrl, expiresSeconds });
  }

  async *list(prefix: string): AsyncIterable<BlobInfo> {
    for (let after: string | undefined; ;) {
      const page = this.#index.newest(prefix, after, listedAtOnce);
      yield* page;
      after = page.at(-1)?.key;
      if (page.length < listedAtOnce) return;
    }
  }

  async delete(ref: BlobRef): Promise<void> {
    if (!this.#index.find(ref)) return;
    this.#index.remove(ref);
    await rm(this.blobPath(ref.versionId), { force: true });
  }

  /** Where the content of a version stands. */
  blobPath(versionId: string): string {
    return join(this.#options.folder, 'blobs', versionId.slice(0, 2), versionId);
  }

  /** Moves a complete upload to where its blob belongs; nothing to do when a process that died has done it. */
  async #publish(from: string, versionId: string, sizeBytes: number): Promise<void> {
    const target = await this.#newBlobPath(versionId);
    try {
      const file = await open(from, 'r+');
      try {
        await file.truncate(sizeBytes);
        await syncFile(file, this.#options.durability);
      } finally {
        await file.close();
      }
      await chmod(from, 0o444);
      await rename(from, target);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      await stat(target);
    }
    await syncFolder(dirname(target), this.#options.durability);
  }

  async #add(blob: Omit<BlobInfo, 'writtenAt'>): Promise<BlobInfo> {
    await syncFolder(dirname(this.blobPath(blob.versionId)), this.#options.durability);
    const added = { ...blob, writtenAt: this.#options.now() };
    this.#index.add(added);
    return added;
  }

  async #newBlobPath(versionId: string): Promise<string> {
    const path = this.blobPath(versionId);
    const made = await mkdir(dirname(path), { recursive: true });
    if (made !== undefined) await syncFolder(dirname(dirname(path)), this.#options.durability);
    return path;
  }

  #blob(ref: BlobRef): BlobInfo {
    const blob = this.#index.find(ref);
    if (!blob) return missing(ref)();
    return blob;
  }

  #upload(key: string, uploadId: string): Upload {
    const upload = this.#index.findUpload(uploadId);
    if (upload?.key !== key) throw noSuchUpload(uploadId);
    return upload;
  }

  #uploadPath(uploadId: string): string {
    return join(this.#options.folder, 'uploads', uploadId);
  }

  #newId(): string {
    return Buffer.from(this.#options.randomBytes(16)).toString('hex');
  }
}

/** A file may go between the look at its row and its opening. */
function missing(ref: BlobRef): (error?: unknown) => never {
  return (error) => {
    if (error !== undefined && errorCode(error) !== 'ENOENT') throw error;
    throw noSuchBlob(ref);
  };
}
