import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { limits } from '../limits.ts';
import type { SignedRequest } from '../platform/ports.ts';
import { openLocalWorld, type LocalWorld } from './local-world.ts';

let folder = '';
let world: LocalWorld;
let now = Date.now();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-blob-server-'));
  world = await openLocalWorld({
    folder,
    baseUrl: 'http://127.0.0.1:1',
    role: 'server',
    durability: 'process-death',
    now: () => now,
  });
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true });
});

test('each refusal says in its problem what is wrong', async () => {
  const part = await signPart('content');
  const put = (change: Partial<SignedRequest>, body: string | ReadableStream = 'content') =>
    send({ ...part, ...change }, { method: 'PUT', body });
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(100_000)) });
  const link = await signDownload('x');
  const deleted = await world.blobs.put('k', Buffer.from('x'));
  const deadLink = await world.blobs.signDownload(deleted, { fileName: 'x', expiresSeconds: 60 });
  await world.blobs.delete(deleted);
  const answers = [
    [await put({ url: part.url.replace('size=7', 'size=8') }), 403, 'bad-signature'],
    [await put({ headers: {} }), 403, 'bad-signature'],
    [await put({}, 'contenT'), 400, 'wrong-hash'],
    [await put({}, 'conten'), 400, 'wrong-size'],
    [await put({}, endless), 400, 'wrong-size'],
    [
      await send({ ...part, headers: { ...part.headers, 'content-length': '8' } }, { method: 'PUT' }),
      400,
      'wrong-size',
    ],
    [await send(part, { method: 'GET' }), 404, undefined],
    [await send(deadLink), 404, 'no-such-blob'],
    [await send({ ...link, headers: { range: 'bytes=7-' } }), 416, 'range-not-satisfiable'],
  ] as const;
  for (const [answer, status, code] of answers) {
    expect(answer.status).toBe(status);
    if (code === undefined) continue;
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: expect.any(String) as string,
      status,
      code,
      detail: expect.any(String) as string,
    });
  }
  now += 61_000;
  expect(await (await put({})).json()).toMatchObject({ status: 403, code: 'link-expired' });
  expect(await (await send(link)).json()).toMatchObject({ status: 403, code: 'link-expired' });
});

test('content is never shown by a browser that is led to it', async () => {
  const answer = await send(await signDownload('<script>alert(1)</script>', 'a\r\n"b/ü.html'));
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': 'application/octet-stream',
    'content-disposition': `attachment; filename="a___b__.html"; filename*=UTF-8''a%0D%0A%22b%2F%C3%BC.html`,
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
  });
});

test('HEAD tells the size, and what is known by its tag is not sent again', async () => {
  const link = await signDownload('content');
  const head = await send(link, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '7', '']);
  const etag = head.headers.get('etag') ?? '';
  const known = await send({ ...link, headers: { 'if-none-match': etag } });
  expect([known.status, await known.text()]).toEqual([304, '']);
  const ranged = await send({ ...link, headers: { range: 'bytes=1-2', 'if-range': etag } });
  expect([ranged.status, await ranged.text()]).toEqual([206, 'on']);
  const changed = await send({ ...link, headers: { range: 'bytes=1-2', 'if-range': '"other"' } });
  expect([changed.status, await changed.text()]).toEqual([200, 'content']);
});

test('a part is received, and empty content is served', async () => {
  const part = await signPart('content');
  const answer = await send(part, { method: 'PUT', body: 'content' });
  expect([answer.status, answer.headers.get('etag')]).toEqual([200, `"${sha256('content')}"`]);
  const empty = await send(await signDownload(''));
  expect([empty.status, empty.headers.get('content-length'), await empty.text()]).toEqual([200, '0', '']);
});

async function signPart(content: string): Promise<SignedRequest> {
  const uploadId = await world.blobs.beginMultipart('k', { partSizeBytes: limits.partBytesMin });
  const part = { number: 1, sizeBytes: content.length, sha256: sha256(content) };
  return world.blobs.signPart('k', uploadId, part, { expiresSeconds: 60 });
}

async function signDownload(content: string, fileName = 'file.bin'): Promise<SignedRequest> {
  const blob = await world.blobs.put('k', Buffer.from(content));
  return world.blobs.signDownload(blob, { fileName, expiresSeconds: 60 });
}

async function send(
  { url, headers }: Pick<SignedRequest, 'url' | 'headers'>,
  options: RequestInit = {},
): Promise<Response> {
  return world.blobServer.request(url, { ...options, headers, duplex: 'half' });
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
