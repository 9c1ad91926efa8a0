import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { DomainError } from '../errors.ts';
import { checkBlobKey, checkPartSize, noSuchUpload, refuseBadPart, refuseIncomplete } from '../platform/blob-checks.ts';
import type { BlobInfo, MultipartPart, SignedRequest } from '../platform/ports.ts';
import { isNoSuchUpload } from './s3-errors.ts';
import type { S3Objects, S3Place } from './s3-objects.ts';
import { signRequest } from './sign-request.ts';

interface Upload {
  /** As S3 calls it. */
  readonly s3Id: string;
  /** Stands in the metadata of the object that the upload becomes, so that it is found when completing is repeated. */
  readonly mark: string;
  readonly partSizeBytes: number;
}

interface ReceivedPart extends MultipartPart {
  readonly etag: string;
}

/** An upload that was seen is taken to be there for so long: a hundred parts are signed in one call. */
const seenMilliseconds = 60_000;
const seenMax = 1000;
const markName = 'lorary-upload';

/** Uploads in parts. What S3 does not keep of one stands in its id: `<part size>.<mark>.<id of S3>`. */
export class S3Uploads {
  readonly #place: S3Place;
  readonly #objects: S3Objects;
  readonly #seen = new Map<string, number>();

  constructor(place: S3Place, objects: S3Objects) {
    this.#place = place;
    this.#objects = objects;
  }

  async begin(key: string, partSizeBytes: number): Promise<string> {
    checkBlobKey(key);
    checkPartSize(partSizeBytes);
    const { client, bucket, randomBytes } = this.#place;
    const mark = Buffer.from(randomBytes(16)).toString('hex');
    const { UploadId = '' } = await this.#objects.send(() =>
      client.send(
        new CreateMultipartUploadCommand({
          Bucket: bucket,
          Key: key,
          ChecksumAlgorithm: 'SHA256',
          Metadata: { [markName]: mark },
        }),
      ),
    );
    return `${partSizeBytes}.${mark}.${UploadId}`;
  }

  async sign(key: string, uploadId: string, part: MultipartPart, expiresSeconds: number): Promise<SignedRequest> {
    const { s3Id, partSizeBytes } = parseUploadId(uploadId);
    await this.#look(key, uploadId);
    refuseBadPart(part, partSizeBytes);
    const checksum = toBase64(part.sha256);
    const command = new UploadPartCommand({
      Bucket: this.#place.bucket,
      Key: key,
      UploadId: s3Id,
      PartNumber: part.number,
      ContentLength: part.sizeBytes,
      ChecksumSHA256: checksum,
    });
    // the length is signed, too: a client sends it by itself, and S3 refuses another one
    const sign = (how: Parameters<typeof getSignedUrl>[2]) => getSignedUrl(this.#place.client, command, how);
    const signed = await signRequest(this.#place, sign, { expiresSeconds, sent: [checksumHeader] });
    return { ...signed, headers: { [checksumHeader]: checksum } };
  }

  /** A part that the platform sends itself. */
  async send(key: string, uploadId: string, number: number, bytes: Uint8Array): Promise<MultipartPart> {
    const { client, bucket } = this.#place;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const command = new UploadPartCommand({
      Bucket: bucket,
      Key: key,
      UploadId: parseUploadId(uploadId).s3Id,
      PartNumber: number,
      Body: bytes,
      ChecksumSHA256: toBase64(sha256),
    });
    await this.#objects.send(() => client.send(command)).catch(told(uploadId));
    return { number, sizeBytes: bytes.byteLength, sha256 };
  }

  async parts(key: string, uploadId: string): Promise<readonly ReceivedPart[]> {
    const { client, bucket } = this.#place;
    const { s3Id } = parseUploadId(uploadId);
    const parts: ReceivedPart[] = [];
    for (let marker: string | undefined; ;) {
      const command = new ListPartsCommand({
        Bucket: bucket,
        Key: key,
        UploadId: s3Id,
        ...(marker === undefined ? {} : { PartNumberMarker: marker }),
      });
      const page = await this.#objects.send(() => client.send(command)).catch(told(uploadId));
      for (const { PartNumber = 0, Size = 0, ChecksumSHA256 = '', ETag = '' } of page.Parts ?? [])
        parts.push({ number: PartNumber, sizeBytes: Size, sha256: toHex(ChecksumSHA256), etag: ETag });
      if (!page.IsTruncated || page.NextPartNumberMarker === undefined) return parts;
      marker = page.NextPartNumberMarker;
    }
  }

  async complete(key: string, uploadId: string, asked: readonly MultipartPart[]): Promise<BlobInfo> {
    const { client, bucket } = this.#place;
    const { s3Id, mark, partSizeBytes } = parseUploadId(uploadId);
    try {
      const received = new Map((await this.parts(key, uploadId)).map((part) => [part.number, part]));
      refuseIncomplete(asked, [...received.values()], partSizeBytes);
      const Parts = asked.map(({ number, sha256 }) => ({
        PartNumber: number,
        ETag: received.get(number)?.etag,
        ChecksumSHA256: toBase64(sha256),
      }));
      const command = new CompleteMultipartUploadCommand({
        Bucket: bucket,
        Key: key,
        UploadId: s3Id,
        MultipartUpload: { Parts },
      });
      const { VersionId } = await this.#objects.send(() => client.send(command)).catch(told(uploadId));
      this.#seen.delete(seenName(key, uploadId));
      // a store may take what it has done before for done, and not say again which version it made
      const known = VersionId === undefined ? await this.#completed(key, mark) : undefined;
      return known ?? (await this.#objects.written(key, VersionId));
    } catch (error) {
      const done = isUnknown(error) ? await this.#completed(key, mark) : undefined;
      if (!done) throw error;
      return done;
    }
  }

  async abort(key: string, uploadId: string): Promise<void> {
    const { client, bucket } = this.#place;
    this.#seen.delete(seenName(key, uploadId));
    try {
      const UploadId = parseUploadId(uploadId).s3Id;
      const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId });
      await this.#objects.send(() => client.send(command)).catch(told(uploadId));
    } catch (error) {
      if (!isUnknown(error)) throw error;
    }
  }

  /** Throws `DomainError('no-such-upload')`. */
  async #look(key: string, uploadId: string): Promise<void> {
    const { client, bucket, now } = this.#place;
    const name = seenName(key, uploadId);
    if (now() - (this.#seen.get(name) ?? -Infinity) < seenMilliseconds) return;
    const command = new ListPartsCommand({
      Bucket: bucket,
      Key: key,
      UploadId: parseUploadId(uploadId).s3Id,
      MaxParts: 1,
    });
    await this.#objects.send(() => client.send(command)).catch(told(uploadId));
    if (this.#seen.size >= seenMax) this.#seen.clear();
    this.#seen.set(name, now());
  }

  /** What an upload has become. */
  async #completed(key: string, mark: string): Promise<BlobInfo | undefined> {
    for await (const { newest: _newest, ...version } of this.#objects.versions(key)) {
      // the key itself comes before those that it begins
      if (version.key !== key) return undefined;
      const found = await this.#objects.head(version);
      if (found?.Metadata?.[markName] === mark) return this.#objects.info(version);
    }
    return undefined;
  }
}

const checksumHeader = 'x-amz-checksum-sha256';

/** Throws `DomainError('no-such-upload')` for what `begin` never gave. */
function parseUploadId(uploadId: string): Upload {
  const [, size, mark, s3Id] = /^(\d{1,10})\.([0-9a-f]{32})\.(.+)$/.exec(uploadId) ?? [];
  if (size === undefined || mark === undefined || s3Id === undefined) throw noSuchUpload(uploadId);
  return { s3Id, mark, partSizeBytes: Number(size) };
}

/** Throws what S3 says of an upload in the words of the port. */
function told(uploadId: string): (error: unknown) => never {
  return (error) => {
    throw isNoSuchUpload(error) ? noSuchUpload(uploadId) : error;
  };
}

const isUnknown = (error: unknown): boolean => error instanceof DomainError && error.code === 'no-such-upload';

const seenName = (key: string, uploadId: string): string => `${uploadId} ${key}`;

const toBase64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
const toHex = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');
