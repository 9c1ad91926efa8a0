import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { Hono, type Context } from 'hono';
import { DomainError, UnavailableError } from '../errors.ts';
import { attachment } from '../platform/blob-checks.ts';
import type { BlobInfo } from '../platform/ports.ts';
import type { BlobIndex } from './blob-index.ts';
import { parseRange } from './byte-range.ts';
import { partHashHeader, type FileBlobs } from './file-blobs.ts';
import type { Signer } from './signed-urls.ts';

export interface BlobServerOptions {
  readonly blobs: FileBlobs;
  readonly index: BlobIndex;
  readonly signer: Signer;
}

const readChunkBytes = 1_048_576;

/** Answers the requests that `FileBlobs` signs, all under `/blobs/`. Needs no key: the signature is the permission. */
export function createBlobServer({ blobs, index, signer }: BlobServerOptions): Hono {
  const app = new Hono();

  const refuseUnsigned = (context: Context, method: 'GET' | 'PUT', headers: Readonly<Record<string, string>>): void => {
    const { pathname, searchParams } = new URL(context.req.url);
    const verdict = signer.verify({ method, path: pathname, query: searchParams, headers });
    if (verdict === 'expired') throw new DomainError('link-expired', 'This link has expired: ask for a new one.');
    if (verdict !== 'good') {
      throw new DomainError(
        'bad-signature',
        'This link was changed or is not from this server: send the request exactly as it was given.',
      );
    }
  };

  app.put('/blobs/parts/:uploadId/:number', async (context) => {
    const sha256 = context.req.header(partHashHeader) ?? '';
    refuseUnsigned(context, 'PUT', { [partHashHeader]: sha256 });
    const sizeBytes = Number(context.req.query('size'));
    const announced = context.req.header('content-length');
    if (announced !== undefined && Number(announced) !== sizeBytes) {
      throw new DomainError('wrong-size', `The part has ${announced} bytes instead of ${sizeBytes}: send it whole.`);
    }
    const part = { number: Number(context.req.param('number')), sizeBytes, sha256 };
    await blobs.partWriter.receive(context.req.param('uploadId'), part, bodyOf(context));
    return context.body(null, 200, { ETag: `"${sha256}"` });
  });

  app.get('/blobs/content/:versionId', (context) => {
    refuseUnsigned(context, 'GET', {});
    const blob = index.findVersion(context.req.param('versionId'));
    if (!blob) throw new DomainError('no-such-blob', 'What this link led to was deleted.');
    return answerContent(context, blob, blobs.blobPath(blob.versionId));
  });

  app.onError((error, context) => {
    if (error instanceof DomainError) return problem(context, statuses[error.code] ?? 400, error.code, error.message);
    if (error instanceof UnavailableError) return problem(context, 503, 'unavailable', error.message);
    throw error;
  });

  return app;
}

const statuses: Readonly<Record<string, 400 | 403 | 404 | 409>> = {
  'bad-signature': 403,
  'link-expired': 403,
  'no-such-upload': 404,
  'no-such-blob': 404,
  'part-superseded': 409,
};

/** The whole content, a range of it, or the news that nothing has changed. `context` may be of a HEAD request. */
function answerContent(context: Context, { versionId, sizeBytes }: BlobInfo, path: string): Response {
  const etag = `"${versionId}"`;
  const headers = {
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'private, no-transform',
    'Content-Disposition': attachment(context.req.query('name') ?? versionId),
    'Content-Security-Policy': 'sandbox',
    'Content-Type': 'application/octet-stream',
    ETag: etag,
    'X-Content-Type-Options': 'nosniff',
  };
  if (context.req.header('if-none-match') === etag) return context.body(null, 304, headers);
  const condition = context.req.header('if-range');
  const asked = condition === undefined || condition === etag ? context.req.header('range') : undefined;
  const range = parseRange(asked, sizeBytes);
  if (range === 'unsatisfiable') {
    return problem(context, 416, 'range-not-satisfiable', `The content has ${sizeBytes} bytes.`, {
      'Content-Range': `bytes */${sizeBytes}`,
    });
  }
  const { first, last } = range ?? { first: 0, last: sizeBytes - 1 };
  const lengthBytes = last - first + 1;
  const partial = range ? { 'Content-Range': `bytes ${first}-${last}/${sizeBytes}` } : {};
  const body = context.req.method === 'HEAD' || lengthBytes === 0 ? null : fileStream(path, first, last);
  return new Response(body, {
    status: range ? 206 : 200,
    headers: { ...headers, ...partial, 'Content-Length': String(lengthBytes) },
  });
}

function fileStream(path: string, start: number, end: number): ReadableStream<Uint8Array> {
  const file = createReadStream(path, { start, end, highWaterMark: readChunkBytes });
  return Readable.toWeb(file) as ReadableStream<Uint8Array>; // Node's type of the same stream
}

/** Under Node's server the stream of the request itself, which costs a third less than the web stream around it. */
async function* bodyOf(context: Context): AsyncIterable<Uint8Array> {
  const { incoming } = (context.env ?? {}) as { readonly incoming?: AsyncIterable<Uint8Array> }; // set by Node's adapter alone
  const body = incoming ?? context.req.raw.body;
  if (body) yield* body;
}

/** RFC 9457. */
function problem(
  context: Context,
  status: 400 | 403 | 404 | 409 | 416 | 503,
  code: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = JSON.stringify({ type: 'about:blank', title: code.replaceAll('-', ' '), status, code, detail });
  return context.body(body, status, { 'Content-Type': 'application/problem+json', ...headers });
}
