import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  type GetObjectCommandInput,
  type HeadObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { UnavailableError, invariant } from '../errors.ts';
import { noSuchBlob } from '../platform/blob-checks.ts';
import type { BlobInfo, BlobRef } from '../platform/ports.ts';
import { attempt, type Pace } from './attempts.ts';
import { isForbidden, isNoSuchBlob, isUnexplained } from './s3-errors.ts';

export interface S3Place {
  /** Without retries of its own. */
  readonly client: S3Client;
  /** Versioned. */
  readonly bucket: string;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly pace: Pace;
}

/** The objects of one bucket, read and listed by version. */
export class S3Objects {
  readonly #place: S3Place;

  constructor(place: S3Place) {
    this.#place = place;
  }

  /** Undefined when there is no such version. `Metadata` holds what was put beside it. */
  async head({ key, versionId }: BlobRef): Promise<HeadObjectCommandOutput | undefined> {
    const { client, bucket } = this.#place;
    try {
      return await this.send(() =>
        client.send(new HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId })),
      );
    } catch (error) {
      if (await this.isNowhere({ key, versionId }, error)) return undefined;
      if (!isUnexplained(error)) throw error;
    }
    // a GET of a byte says what HEAD cannot
    try {
      await this.open({ key, versionId }, 'bytes=0-0');
    } catch (error) {
      if (isNoSuchBlob(error)) return undefined;
      throw error;
    }
    throw new UnavailableError(`The store did not tell about "${key}".`);
  }

  /**
   * Whether an error says that there is no such version. S3 tells that only who may list all of a bucket; a container may list the keys of its
   * team, so one that is refused a version looks whether it is there.
   */
  async isNowhere(ref: BlobRef, error: unknown): Promise<boolean> {
    if (isNoSuchBlob(error)) return true;
    if (!isForbidden(error)) return false;
    try {
      for await (const { key, versionId } of this.versions(ref.key))
        if (key === ref.key && versionId === ref.versionId) return false;
      return true;
    } catch (second) {
      if (isForbidden(second)) return false;
      throw second;
    }
  }

  async info(ref: BlobRef): Promise<BlobInfo | undefined> {
    const found = await this.head(ref);
    return (
      found && {
        key: ref.key,
        versionId: ref.versionId,
        sizeBytes: found.ContentLength ?? 0,
        writtenAt: found.LastModified?.getTime() ?? 0,
      }
    );
  }

  /** What was just written. */
  async written(key: string, versionId: string | undefined): Promise<BlobInfo> {
    invariant(versionId !== undefined, `the bucket ${this.#place.bucket} is versioned`);
    const found = await this.info({ key, versionId });
    if (!found) throw new UnavailableError(`"${key}" was deleted while it was written.`);
    return found;
  }

  /** Throws `DomainError('no-such-blob')`. */
  async need(ref: BlobRef): Promise<BlobInfo> {
    const found = await this.info(ref);
    if (!found) throw noSuchBlob(ref);
    return found;
  }

  /** The answer to a GET, its body not read. Errors are the SDK's. */
  async open({ key, versionId }: BlobRef, range?: string) {
    const { client, bucket } = this.#place;
    const input: GetObjectCommandInput = { Bucket: bucket, Key: key, VersionId: versionId };
    const command = new GetObjectCommand(range === undefined ? input : { ...input, Range: range });
    const answer = await this.send(() => client.send(command));
    return { total: totalBytes(answer.ContentRange, answer.ContentLength), body: bytesOf(answer.Body) };
  }

  /** Versions of the keys that begin with `prefix`: keys in the order of their UTF-8 bytes, of each the newest first. */
  async *versions(prefix: string): AsyncIterable<BlobInfo & { readonly newest: boolean }> {
    const { client, bucket } = this.#place;
    let markers: { KeyMarker?: string; VersionIdMarker?: string } = {};
    for (;;) {
      const command = new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, ...markers });
      const page = await this.send(() => client.send(command));
      for (const { Key = '', VersionId = '', Size = 0, LastModified, IsLatest = false } of page.Versions ?? []) {
        yield {
          key: Key,
          versionId: VersionId,
          sizeBytes: Size,
          writtenAt: LastModified?.getTime() ?? 0,
          newest: IsLatest,
        };
      }
      if (!page.IsTruncated || page.NextKeyMarker === undefined) return;
      markers = {
        KeyMarker: page.NextKeyMarker,
        ...(page.NextVersionIdMarker === undefined ? {} : { VersionIdMarker: page.NextVersionIdMarker }),
      };
    }
  }

  /** Everything here may be repeated: at worst a version is left that no record names. */
  send<T>(call: () => Promise<T>): Promise<T> {
    return attempt(call, { repeatable: true, pace: this.#place.pace });
  }
}

/** Of the whole object, from `bytes 0-9/100` or the length of a whole answer. */
function totalBytes(contentRange: string | undefined, contentLength: number | undefined): number {
  const [, total] = /\/(\d+)$/.exec(contentRange ?? '') ?? [];
  return total === undefined ? (contentLength ?? 0) : Number(total);
}

/** Under Node a body is a stream of buffers; one without bytes may be absent. */
function bytesOf(body: unknown): AsyncIterable<Uint8Array> {
  return (body as AsyncIterable<Uint8Array> | undefined) ?? nothing();
}

// oxlint-disable-next-line require-yield -- it gives nothing
async function* nothing(): AsyncIterable<Uint8Array> {}
