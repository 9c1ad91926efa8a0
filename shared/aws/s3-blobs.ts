import { createHash } from 'node:crypto';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { DomainError, UnavailableError } from '../errors.ts';
import { attachment, checkBlobKey, checkRange, noSuchBlob } from '../platform/blob-checks.ts';
import type { BlobInfo, BlobRef, BlobStore, MultipartPart, SignedRequest } from '../platform/ports.ts';
import { isBadRange, isNoSuchBlob } from './s3-errors.ts';
import { downloadFile, uploadFile } from './s3-files.ts';
import { S3Objects, type S3Place } from './s3-objects.ts';
import { S3Uploads } from './s3-uploads.ts';
import { signRequest } from './sign-request.ts';

/** Blobs as versions of objects in one bucket. Nothing is ever deleted but by version, so there are no delete markers. */
export class S3Blobs implements BlobStore {
  readonly #place: S3Place;
  readonly #objects: S3Objects;
  readonly #uploads: S3Uploads;

  constructor(place: S3Place) {
    this.#place = place;
    this.#objects = new S3Objects(place);
    this.#uploads = new S3Uploads(place, this.#objects);
  }

  async beginMultipart(key: string, { partSizeBytes }: { readonly partSizeBytes: number }): Promise<string> {
    return this.#uploads.begin(key, partSizeBytes);
  }

  async signPart(
    key: string,
    uploadId: string,
    part: MultipartPart,
    { expiresSeconds }: { readonly expiresSeconds: number },
  ): Promise<SignedRequest> {
    return this.#uploads.sign(key, uploadId, part, expiresSeconds);
  }

  async listParts(key: string, uploadId: string): Promise<readonly MultipartPart[]> {
    const parts = await this.#uploads.parts(key, uploadId);
    return parts.map(({ number, sizeBytes, sha256 }) => ({ number, sizeBytes, sha256 }));
  }

  async completeMultipart(key: string, uploadId: string, parts: readonly MultipartPart[]): Promise<BlobInfo> {
    return this.#uploads.complete(key, uploadId, parts);
  }

  async abortMultipart(key: string, uploadId: string): Promise<void> {
    return this.#uploads.abort(key, uploadId);
  }

  async put(key: string, bytes: Uint8Array): Promise<BlobInfo> {
    checkBlobKey(key);
    const { client, bucket } = this.#place;
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: bytes,
      ChecksumSHA256: createHash('sha256').update(bytes).digest('base64'),
    });
    const { VersionId } = await this.#objects.send(() => client.send(command));
    return this.#objects.written(key, VersionId);
  }

  async putFile(key: string, path: string): Promise<BlobInfo> {
    checkBlobKey(key);
    return uploadFile(path, {
      put: (bytes) => this.put(key, bytes),
      begin: (partSizeBytes) => this.#uploads.begin(key, partSizeBytes),
      send: (uploadId, number, bytes) => this.#uploads.send(key, uploadId, number, bytes),
      complete: (uploadId, parts) => this.#uploads.complete(key, uploadId, parts),
      abort: (uploadId) => this.#uploads.abort(key, uploadId),
    });
  }

  async head(ref: BlobRef): Promise<BlobInfo | undefined> {
    return this.#objects.info(ref);
  }

  async read(ref: BlobRef, offset: number, lengthBytes: number): Promise<Uint8Array> {
    checkRange(offset, lengthBytes);
    const bytes = new Uint8Array(lengthBytes);
    await this.readInto(ref, offset, bytes);
    return bytes;
  }

  async readInto(ref: BlobRef, offset: number, target: Uint8Array): Promise<void> {
    const lengthBytes = target.byteLength;
    checkRange(offset, lengthBytes);
    if (lengthBytes === 0) return checkRange(offset, 0, (await this.#objects.need(ref)).sizeBytes);
    // a body that is cut short is asked for again
    await this.#objects.send(async () => {
      const { total, body } = await this.#open(ref, offset, lengthBytes);
      checkRange(offset, lengthBytes, total);
      let done = 0;
      for await (const piece of body) {
        if (done + piece.byteLength <= lengthBytes) target.set(piece, done);
        done += piece.byteLength;
      }
      if (done !== lengthBytes) throw cutShort(ref);
    });
  }

  async *stream(ref: BlobRef): AsyncIterable<Uint8Array> {
    const { sizeBytes } = await this.#objects.need(ref);
    for (let offset = 0, failures = 0; offset < sizeBytes;) {
      const before = offset;
      try {
        const { body } = await this.#open(ref, offset, sizeBytes - offset);
        for await (const piece of body) {
          offset += piece.byteLength;
          yield piece;
        }
        if (offset < sizeBytes) throw cutShort(ref);
      } catch (error) {
        if (!isCut(error)) throw error;
        // what arrived was good, so the rest is asked for
        failures = offset > before ? 1 : failures + 1;
        if (failures >= this.#place.pace.triesMax)
          throw new UnavailableError(`The store breaks off in the middle of "${ref.key}".`, { cause: error });
      }
    }
  }

  async materialise(ref: BlobRef, path: string): Promise<void> {
    const { sizeBytes } = await this.#objects.need(ref);
    const read = (offset: number, lengthBytes: number): Promise<Uint8Array> => this.read(ref, offset, lengthBytes);
    const mark = Buffer.from(this.#place.randomBytes(8)).toString('hex');
    await downloadFile(path, { sizeBytes, read, partial: `${path}.${mark}.partial` });
  }

  async signDownload(
    ref: BlobRef,
    { fileName, expiresSeconds }: { readonly fileName: string; readonly expiresSeconds: number },
  ): Promise<SignedRequest> {
    await this.#objects.need(ref);
    const command = new GetObjectCommand({
      Bucket: this.#place.bucket,
      Key: ref.key,
      VersionId: ref.versionId,
      ResponseCacheControl: 'private, no-transform',
      ResponseContentDisposition: attachment(fileName),
      ResponseContentType: 'application/octet-stream',
    });
    return signRequest(this.#place, (how) => getSignedUrl(this.#place.client, command, how), { expiresSeconds });
  }

  async *list(prefix: string): AsyncIterable<BlobInfo> {
    for await (const { newest, ...blob } of this.#objects.versions(prefix)) if (newest) yield blob;
  }

  async delete({ key, versionId }: BlobRef): Promise<void> {
    const { client, bucket } = this.#place;
    const command = new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId });
    await this.#objects
      .send(() => client.send(command))
      .catch((error: unknown) => {
        if (!isNoSuchBlob(error)) throw error;
      });
  }

  /** Throws `DomainError('no-such-blob')`, and `RangeError` for a range that begins beyond the end. */
  async #open(ref: BlobRef, offset: number, lengthBytes: number): ReturnType<S3Objects['open']> {
    try {
      return await this.#objects.open(ref, `bytes=${offset}-${offset + lengthBytes - 1}`);
    } catch (error) {
      if (await this.#objects.isNowhere(ref, error)) throw noSuchBlob(ref);
      throw isBadRange(error) ? new RangeError(`byte ${offset} was asked of a shorter blob`, { cause: error }) : error;
    }
  }
}

const cutShort = ({ key }: BlobRef): Error =>
  Object.assign(new Error(`the answer with "${key}" ended early`), { code: 'ECONNRESET' });

/** A body that broke off or stood still, perhaps because its reader did; an answer that did not come was waited for already. */
const isCut = (error: unknown): boolean =>
  error instanceof Error && !(error instanceof DomainError) && ('code' in error || error.name === 'TimeoutError');
