import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { S3Client } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { atOnce, scriptedClient, scriptedHttp, type SentRequest } from '../../test/support/scripted-http.ts';
import { limits } from '../limits.ts';
import { S3Blobs } from './s3-blobs.ts';

const now = Date.UTC(2030, 0, 1, 0, 0, 0, 700);
const ref = { key: 'blue/a b.bin', versionId: 'v1' };
const uploadId = `${limits.partBytesMin}.${'0'.repeat(32)}.upload-1`;
const part = { number: 2, sizeBytes: 5, sha256: 'ab'.repeat(32) };

function open(answer: Parameters<typeof scriptedHttp>[0], more: object = {}) {
  const http = scriptedHttp(answer);
  const client = new S3Client({
    ...scriptedClient(http),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...more,
  });
  const randomBytes = (count: number): Uint8Array => new Uint8Array(count).fill(7);
  return { http, blobs: new S3Blobs({ client, bucket: 'b', now: () => now, randomBytes, pace: atOnce }) };
}

const xmlError = (code: string, status: number) => ({
  status,
  body: `<Error><Code>${code}</Code><Message>${code} version</Message></Error>`,
});
const found = (length: number) => ({
  headers: { 'content-length': String(length), 'last-modified': 'Tue, 01 Jan 2030 00:00:00 GMT' },
});

test('a part is signed with its length and hash, and carries no checksum of nothing', async () => {
  const { blobs } = open(() => ({ body: '<ListPartsResult/>' }));
  const { url, headers, expiresAt } = await blobs.signPart('k', uploadId, part, { expiresSeconds: 60 });
  const query = new URL(url).searchParams;
  expect(query.get('X-Amz-SignedHeaders')).toBe('content-length;host;x-amz-checksum-sha256');
  expect([query.get('partNumber'), query.get('uploadId'), query.get('X-Amz-Expires')]).toEqual(['2', 'upload-1', '60']);
  expect(headers).toEqual({ 'x-amz-checksum-sha256': Buffer.from(part.sha256, 'hex').toString('base64') });
  expect(url).not.toMatch(/crc32/i);
  expect(expiresAt).toBe(now - 700 + 60_000);
});

test('a link ends with the credentials that signed it', async () => {
  const expiration = new Date(now + 5000);
  const credentials = async () => ({ accessKeyId: 'a', secretAccessKey: 's', expiration });
  const { blobs } = open(() => ({ body: '<ListPartsResult/>' }), { credentials });
  expect((await blobs.signPart('k', uploadId, part, { expiresSeconds: 60 })).expiresAt).toBe(expiration.getTime());
});

test('whether an upload is there is asked once for many parts, and again after it was aborted', async () => {
  const { http, blobs } = open(() => ({ body: '<ListPartsResult/>' }));
  for (let number = 1; number <= 5; number += 1)
    await blobs.signPart('k', uploadId, { ...part, number }, { expiresSeconds: 60 });
  expect(http.sent).toHaveLength(1);
  await blobs.abortMultipart('k', uploadId);
  await blobs.signPart('k', uploadId, part, { expiresSeconds: 60 });
  expect(http.sent).toHaveLength(3);
});

test('a download names the version, and is an attachment of no type', async () => {
  const { blobs } = open(() => found(5));
  const { url } = await blobs.signDownload(ref, { fileName: 'ü.bin', expiresSeconds: 60 });
  const query = new URL(url).searchParams;
  expect(query.get('versionId')).toBe('v1');
  expect(query.get('response-content-disposition')).toBe(`attachment; filename="_.bin"; filename*=UTF-8''%C3%BC.bin`);
  expect(query.get('response-content-type')).toBe('application/octet-stream');
});

test('a refusal without a word is not taken for an absent blob', async () => {
  const expired = open(({ method }) => (method === 'HEAD' ? { status: 400 } : xmlError('ExpiredToken', 400)));
  await expect(expired.blobs.head(ref)).rejects.toMatchObject({ name: 'ExpiredToken' });
  const malformed = open(({ method }) => (method === 'HEAD' ? { status: 400 } : xmlError('InvalidArgument', 400)));
  expect(await malformed.blobs.head(ref)).toBeUndefined();
  expect(await open(() => ({ status: 404 })).blobs.head(ref)).toBeUndefined();
});

test('where a refusal may hide that a blob is not there, a list of its key tells', async () => {
  const denied = xmlError('AccessDenied', 403);
  const listed = (...versionIds: string[]) => ({
    body: `<ListVersionsResult>${versionIds.map((id) => `<Version><Key>${ref.key}</Key><VersionId>${id}</VersionId></Version>`).join('')}</ListVersionsResult>`,
  });
  const openTo = (list: ReturnType<Parameters<typeof scriptedHttp>[0]>) =>
    open(({ query }) => ('versions' in query ? list : denied));
  expect(await openTo(listed('v0', 'v2')).blobs.head(ref)).toBeUndefined();
  await expect(openTo(listed('v0')).blobs.read(ref, 0, 1)).rejects.toMatchObject({ code: 'no-such-blob' });
  for (const list of [listed('v1'), denied]) {
    await expect(openTo(list).blobs.head(ref)).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
    await expect(openTo(list).blobs.read(ref, 0, 1)).rejects.toMatchObject({ name: 'AccessDenied' });
  }
});

/** Ten bytes of which a line gives up to three at a time, and then breaks off. */
function brokenLine({ method, headers }: SentRequest) {
  if (method === 'HEAD') return found(10);
  const [, from = '0', to = '9'] = /bytes=(\d+)-(\d+)/.exec(headers['range'] ?? '') ?? [];
  const content = '0123456789'.slice(Number(from), Math.min(Number(from) + 3, Number(to) + 1));
  const body = Readable.from(
    (function* () {
      yield Buffer.from(content);
      if (Number(from) + 3 <= Number(to)) throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    })(),
  );
  return { status: 206, headers: { 'content-range': `bytes ${from}-${to}/10` }, body };
}

test('a stream that breaks off goes on where it was', async () => {
  const { http, blobs } = open(brokenLine);
  const pieces: Uint8Array[] = [];
  for await (const piece of blobs.stream(ref)) pieces.push(piece);
  expect(Buffer.concat(pieces).toString()).toBe('0123456789');
  expect(http.sent.map(({ headers }) => headers['range'])).toEqual([
    undefined,
    'bytes=0-9',
    'bytes=3-9',
    'bytes=6-9',
    'bytes=9-9',
  ]);
});

test('a stream that breaks off at the same byte again and again is unavailable', async () => {
  const { blobs } = open(({ method }) =>
    method === 'HEAD' ? found(10) : { status: 206, headers: { 'content-range': 'bytes 0-9/10' }, body: '' },
  );
  const read = async (): Promise<void> => {
    for await (const piece of blobs.stream(ref)) expect(piece).toHaveLength(0);
  };
  await expect(read()).rejects.toMatchObject({ name: 'UnavailableError' });
});

test('a range that never comes whole is unavailable, and no file is left of it', async () => {
  const { blobs } = open(brokenLine);
  expect(Buffer.from(await blobs.read(ref, 2, 3)).toString()).toBe('234');
  await expect(blobs.read(ref, 0, 10)).rejects.toMatchObject({ name: 'UnavailableError' });
  const folder = await mkdtemp(join(tmpdir(), 'lorary-s3-'));
  await expect(blobs.materialise(ref, join(folder, 'file'))).rejects.toMatchObject({ name: 'UnavailableError' });
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});

test('a slow-down in the middle of a file is waited out', async () => {
  const { http, blobs } = open(({ method }, at) =>
    at === 0 ? xmlError('SlowDown', 503) : method === 'HEAD' ? found(1) : { headers: { 'x-amz-version-id': 'v1' } },
  );
  expect(await blobs.put('k', Buffer.from('x'))).toMatchObject({ key: 'k', versionId: 'v1', sizeBytes: 1 });
  expect(http.sent.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'HEAD']);
});

test('an upload whose completion was done before its answer was lost is found by its mark', async () => {
  const one = { ...part, number: 1 };
  const checksum = Buffer.from(one.sha256, 'hex').toString('base64');
  const listed = `<Part><PartNumber>1</PartNumber><Size>5</Size><ChecksumSHA256>${checksum}</ChecksumSHA256></Part>`;
  const versions = ['v2', 'v1'].map((id) => `<Version><Key>k</Key><VersionId>${id}</VersionId></Version>`).join('');
  let completions = 0;
  const { blobs } = open(({ method, query }) => {
    if (method === 'HEAD') {
      const { headers } = found(5);
      const mark = query['versionId'] === 'v1' ? '0'.repeat(32) : 'another';
      return { headers: { ...headers, 'x-amz-meta-lorary-upload': mark } };
    }
    if (Object.hasOwn(query, 'versions')) return { body: `<ListVersionsResult>${versions}</ListVersionsResult>` };
    if (method === 'GET') return { body: `<ListPartsResult>${listed}</ListPartsResult>` };
    completions += 1;
    // S3 may promise success, and then say otherwise
    if (completions === 1) return xmlError('InternalError', 200);
    return { body: '<CompleteMultipartUploadResult><Key>k</Key></CompleteMultipartUploadResult>' };
  });
  expect(await blobs.completeMultipart('k', uploadId, [one])).toMatchObject({ key: 'k', versionId: 'v1' });
  expect(completions).toBe(2);
});

test('a bucket without versions is our mistake', async () => {
  await expect(open(() => ({})).blobs.put('k', Buffer.from('x'))).rejects.toThrow(/versioned/);
});
