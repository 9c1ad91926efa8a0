import { DomainError, invariant, type Finding } from '../errors.ts';
import { limits } from '../limits.ts';
import type { BlobRef, MultipartPart } from './ports.ts';

/** Keys are made by our own code, so a bad one is our bug. XML cannot carry what is refused, and a URL would lose it. */
export function checkBlobKey(key: string): void {
  const sizeBytes = Buffer.byteLength(key);
  invariant(
    sizeBytes >= 1 && sizeBytes <= limits.blobKeyBytesMax && !/[\p{Cc}\p{Surrogate}]/u.test(key),
    `a blob's key is well-formed text of 1 to ${limits.blobKeyBytesMax} bytes without control characters, unlike ${JSON.stringify(key)}`,
  );
  invariant(
    !key.split('/').some((part) => part === '' || part === '.' || part === '..'),
    `a blob's key has no empty, "." or ".." parts, unlike ${JSON.stringify(key)}`,
  );
}

export function checkPartSize(partSizeBytes: number): void {
  invariant(
    partSizeBytes >= limits.partBytesMin && partSizeBytes <= limits.partBytesMax,
    `a part has ${limits.partBytesMin} to ${limits.partBytesMax} bytes, not ${partSizeBytes}`,
  );
}

/** Throws `RangeError` for a range that no blob has. `sizeBytes`: of the blob, where it is known. */
export function checkRange(offset: number, lengthBytes: number, sizeBytes = Infinity): void {
  if (offset < 0 || lengthBytes < 0 || offset + lengthBytes > sizeBytes)
    throw new RangeError(`bytes ${offset} to ${offset + lengthBytes} were asked of a blob of ${sizeBytes} bytes`);
}

/** Throws `DomainError('bad-part')` for a part that an upload in parts of `partSizeBytes` cannot have. */
export function refuseBadPart(part: MultipartPart, partSizeBytes: number): void {
  const refuse = (message: string): never => {
    throw new DomainError('bad-part', message);
  };
  if (!Number.isSafeInteger(part.number) || part.number < 1 || part.number > limits.partsMax) {
    refuse(`Parts are numbered from 1 to ${limits.partsMax}, not ${part.number}: use larger parts.`);
  }
  if (!Number.isSafeInteger(part.sizeBytes) || part.sizeBytes < 0 || part.sizeBytes > partSizeBytes) {
    refuse(`A part of this upload has at most ${partSizeBytes} bytes, not ${part.sizeBytes}.`);
  }
  if (!/^[0-9a-f]{64}$/.test(part.sha256)) refuse('A SHA-256 is written as 64 lower-case hexadecimal digits.');
}

/** Throws `DomainError('upload-incomplete')` with every reason why the parts asked for are not a whole upload. */
export function refuseIncomplete(
  asked: readonly MultipartPart[],
  received: readonly MultipartPart[],
  partSizeBytes: number,
): void {
  const findings: Finding[] = [];
  const byNumber = new Map(received.map((part) => [part.number, part]));
  const report = (number: number, message: string): void => {
    findings.push({ severity: 'error', code: 'upload-incomplete', message, where: `part ${number}` });
  };
  if (asked.length === 0) report(1, 'No part is named: an upload has at least one.');
  for (const [at, part] of asked.entries()) {
    const there = byNumber.get(part.number);
    if (part.number !== at + 1) report(at + 1, `Part ${part.number} stands where part ${at + 1} belongs.`);
    else if (!there) report(part.number, 'It was not received: send it.');
    else if (there.sha256 !== part.sha256 || there.sizeBytes !== part.sizeBytes) {
      report(part.number, 'Other bytes were received: send it again.');
    } else if (at < asked.length - 1 && part.sizeBytes !== partSizeBytes) {
      report(part.number, `It has ${part.sizeBytes} bytes; only the last part may differ from ${partSizeBytes}.`);
    }
  }
  if (findings.length > 0) {
    throw new DomainError('upload-incomplete', 'The upload cannot be completed yet.', { findings });
  }
}

export function noSuchUpload(uploadId: string): DomainError {
  return new DomainError(
    'no-such-upload',
    `There is no upload ${uploadId}: it was completed, aborted or dropped after a week. Begin a new one.`,
  );
}

export function noSuchBlob({ key }: BlobRef): DomainError {
  return new DomainError('no-such-blob', `There is no such version of "${key}": it was deleted.`);
}

/** A `Content-Disposition` for a download. RFC 6266: an ASCII name for old clients, the real one beside it. */
export function attachment(fileName: string): string {
  const ascii = fileName.replaceAll(/[^\x20-\x7e]|["\\%/]/g, '_');
  const full = encodeURIComponent(fileName).replaceAll(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${ascii}"; filename*=UTF-8''${full}`;
}
