import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { limits } from '../../shared/limits.ts';
import type { BlobInfo, MultipartPart } from '../../shared/platform/ports.ts';
import { bytesOf, patternBytes, same } from './blob-cases.ts';
import { collect, failureOf, type Case, type SuiteWorld } from './suite.ts';

const partSizeBytes = limits.partBytesMin;
const [first, last] = [patternBytes(partSizeBytes), bytesOf('the last part is shorter')];

/** Uploads in signed parts, and signed downloads. */
export const uploadCases: readonly Case[] = [
  {
    name: 'a part with other bytes than announced is refused and not received',
    async run({ blobs, send }, key) {
      const uploadId = await blobs.beginMultipart(key, { partSizeBytes });
      const request = await blobs.signPart(key, uploadId, partOf(1, last), { expiresSeconds: 60 });
      const changed = Uint8Array.from(last, (byte, at) => (at === 3 ? byte ^ 1 : byte));
      expect((await send(request, { body: changed })).status).toBeGreaterThanOrEqual(400);
      expect((await send(request, { body: last.slice(1) })).status).toBeGreaterThanOrEqual(400);
      expect((await send(request, { body: Uint8Array.of(...last, 1) })).status).toBeGreaterThanOrEqual(400);
      expect(await blobs.listParts(key, uploadId)).toEqual([]);
      expect((await send(request, { body: last })).status).toBe(200);
      expect((await send(request, { body: changed })).status).toBeGreaterThanOrEqual(400);
      expect(await blobs.listParts(key, uploadId)).toEqual([partOf(1, last)]);
    },
  },
  {
    name: 'a link is good for its own part, method, headers and time only',
    async run({ blobs, send, advance }, key) {
      const uploadId = await blobs.beginMultipart(key, { partSizeBytes });
      const other = await blobs.beginMultipart(key, { partSizeBytes });
      const request = await blobs.signPart(key, uploadId, partOf(1, last), { expiresSeconds: 2 });
      expect((await send(request, { body: last })).status).toBe(200);
      const changes = [
        request.url.replace(uploadId, other),
        request.url.replace(/1\?/, '2?'),
        request.url.replace(
          /(signature=|Signature=)(.)/i,
          (_, name: string, sign: string) => name + (sign === '0' ? '1' : '0'),
        ),
        request.url.replace(/(expires=|Expires=)/i, (name) => `${name}9`),
        request.url.replace(/[?&](x-amz-)?signature=[^&]*/i, ''),
      ].filter((url) => url !== request.url);
      expect(changes.length).toBeGreaterThanOrEqual(4);
      for (const url of changes)
        expect((await send({ ...request, url }, { body: last })).status).toBeGreaterThanOrEqual(400);
      const [header = ''] = Object.keys(request.headers);
      const unsigned = { ...request, headers: { ...request.headers, [header]: partOf(1, bytesOf('x')).sha256 } };
      expect((await send(unsigned, { body: bytesOf('x') })).status).toBeGreaterThanOrEqual(400);
      expect((await send(request, { method: 'GET' })).status).toBeGreaterThanOrEqual(400);
      expect(await blobs.listParts(key, other)).toEqual([]);
      await advance(2);
      expect((await send(request, { body: last })).status).toBeGreaterThanOrEqual(400);
      expect(await blobs.listParts(key, uploadId)).toEqual([partOf(1, last)]);
    },
  },
  {
    name: 'parts that cannot be are refused before they are sent',
    async run({ blobs }, key) {
      const uploadId = await blobs.beginMultipart(key, { partSizeBytes });
      const good = partOf(1, last);
      const options = { expiresSeconds: 60 };
      await blobs.signPart(key, uploadId, { ...good, number: limits.partsMax, sizeBytes: partSizeBytes }, options);
      const bad = [
        { ...good, number: 0 },
        { ...good, number: 1.5 },
        { ...good, number: limits.partsMax + 1 },
        { ...good, sizeBytes: partSizeBytes + 1 },
        { ...good, sizeBytes: -1 },
        { ...good, sha256: good.sha256.toUpperCase() },
        { ...good, sha256: '' },
      ];
      for (const part of bad) {
        expect(await failureOf(blobs.signPart(key, uploadId, part, options))).toMatchObject({ code: 'bad-part' });
      }
      for (const size of [limits.partBytesMin - 1, limits.partBytesMax + 1]) {
        expect(await failureOf(blobs.beginMultipart(key, { partSizeBytes: size }))).toBeInstanceOf(Error);
      }
      await blobs.abortMultipart(key, await blobs.beginMultipart(key, { partSizeBytes: limits.partBytesMax }));
    },
  },
  {
    name: 'an upload is completed from exactly the parts it received, with every reason why not',
    async run({ blobs, send }, key) {
      const uploadId = await blobs.beginMultipart(key, { partSizeBytes });
      const parts = [partOf(1, first), partOf(2, last)] as const;
      await sendPart({ blobs, send }, key, uploadId, 2, last);
      const lists: readonly (readonly MultipartPart[])[] = [
        [],
        parts,
        [parts[1]],
        [{ ...parts[1], number: 1 }],
        [{ ...parts[0], sha256: parts[1].sha256 }, parts[1]],
      ];
      for (const list of lists) {
        const error = await failureOf(blobs.completeMultipart(key, uploadId, list));
        expect(error).toMatchObject({ code: 'upload-incomplete' });
      }
      await sendPart({ blobs, send }, key, uploadId, 1, last);
      const short = [partOf(1, last), partOf(2, last)];
      expect(await failureOf(blobs.completeMultipart(key, uploadId, short))).toMatchObject({
        code: 'upload-incomplete',
      });
      expect(await collect(blobs.list(key))).toEqual([]);
      await sendPart({ blobs, send }, key, uploadId, 1, first);
      expect(await blobs.completeMultipart(key, uploadId, parts)).toMatchObject({ key });
    },
  },
  {
    name: 'an upload that is unknown, aborted, finished or of another key is no upload',
    async run(world, key) {
      const { blobs, send } = world;
      const aborted = await blobs.beginMultipart(key, { partSizeBytes });
      const request = await sendPart(world, key, aborted, 1, last);
      await blobs.abortMultipart(`${key}-other`, aborted);
      expect(await blobs.listParts(key, aborted)).toHaveLength(1);
      await blobs.abortMultipart(key, aborted);
      await blobs.abortMultipart(key, aborted);
      expect((await send(request, { body: last })).status).toBeGreaterThanOrEqual(400);
      const open = await blobs.beginMultipart(key, { partSizeBytes });
      const { versionId: finished, request: used } = await upload(world, key, [last]);
      expect((await send(used, { body: last })).status).toBeGreaterThanOrEqual(400);
      for (const [name, uploadId] of [
        [key, aborted],
        [key, finished],
        [key, 'unknown'],
        [`${key}-other`, open],
      ] as const) {
        const calls = [
          () => blobs.listParts(name, uploadId),
          () => blobs.signPart(name, uploadId, partOf(1, last), { expiresSeconds: 60 }),
          ...(uploadId === finished ? [] : [() => blobs.completeMultipart(name, uploadId, [partOf(1, last)])]),
        ];
        for (const call of calls) expect(await failureOf(call())).toMatchObject({ code: 'no-such-upload' });
      }
    },
  },
  {
    name: 'parts in any order, some sent twice, become one blob, once',
    async run(world, key) {
      const { blobs } = world;
      const uploadId = await blobs.beginMultipart(key, { partSizeBytes });
      await sendPart(world, key, uploadId, 3, last);
      await sendPart(world, key, uploadId, 2, patternBytes(partSizeBytes, 9));
      await sendPart(world, key, uploadId, 1, last);
      await sendPart(world, key, uploadId, 1, first);
      await sendPart(world, key, uploadId, 1, first);
      const second = patternBytes(partSizeBytes, 5);
      await sendPart(world, key, uploadId, 2, second);
      const parts = [partOf(1, first), partOf(2, second), partOf(3, last)];
      expect(await blobs.listParts(key, uploadId)).toEqual(parts);
      expect(await collect(blobs.list(key))).toEqual([]);
      const blob = await blobs.completeMultipart(key, uploadId, parts);
      expect(await blobs.completeMultipart(key, uploadId, parts)).toEqual(blob);
      expect(await collect(blobs.list(key))).toEqual([blob]);
      const whole = Buffer.concat([first, second, last]);
      expect(blob.sizeBytes).toBe(whole.length);
      expect(same(Buffer.concat(await collect(blobs.stream(blob))), whole)).toBe(true);
    },
  },
  {
    name: 'a part beyond those that are named is left out',
    async run(world, key) {
      const uploadId = await world.blobs.beginMultipart(key, { partSizeBytes });
      await sendPart(world, key, uploadId, 1, last);
      await sendPart(world, key, uploadId, 2, first);
      const blob = await world.blobs.completeMultipart(key, uploadId, [partOf(1, last)]);
      expect(same(Buffer.concat(await collect(world.blobs.stream(blob))), last)).toBe(true);
    },
  },
  {
    name: 'a download link gives the content, or a range of it, as an attachment',
    async run(world, key) {
      const { blobs, send } = world;
      const blob = await upload(world, key, [bytesOf('0123456789')]);
      const link = await blobs.signDownload(blob, { fileName: 'adäpter "x".bin', expiresSeconds: 60 });
      expect(link.expiresAt).toBeGreaterThan(world.now());
      const whole = await send(link);
      expect([whole.status, await whole.text()]).toEqual([200, '0123456789']);
      expect(whole.headers.get('content-disposition')).toMatch(/^attachment;.*ad%C3%A4pter%20%22x%22\.bin/);
      const ranges = [
        ['bytes=2-4', '234', 'bytes 2-4/10'],
        ['bytes=7-', '789', 'bytes 7-9/10'],
        ['bytes=-3', '789', 'bytes 7-9/10'],
        ['bytes=5-99', '56789', 'bytes 5-9/10'],
      ] as const;
      for (const [range, text, given] of ranges) {
        const part = await send(link, { headers: { range } });
        expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, given, text]);
      }
      const beyond = await send(link, { headers: { range: 'bytes=10-' } });
      expect(beyond.status).toBe(416);
      // S3 does not say how long it is
      expect([null, 'bytes */10']).toContain(beyond.headers.get('content-range'));
    },
  },
  {
    name: 'a download link is good for its own version, name and time only',
    async run(world, key) {
      const { blobs, send, advance } = world;
      const blob = await blobs.put(key, bytesOf('mine'));
      const other = await blobs.put(key, bytesOf('other'));
      const link = await blobs.signDownload(blob, { fileName: 'mine.bin', expiresSeconds: 2 });
      expect((await send(link)).status).toBe(200);
      const changes = [
        link.url.replace(blob.versionId, other.versionId),
        link.url.replace('mine.bin', 'mine.exe'),
        link.url.replace(/(expires=|Expires=)/i, (name) => `${name}9`),
        `${link.url}&x=1`,
      ];
      for (const url of changes) expect((await send({ ...link, url })).status).toBeGreaterThanOrEqual(400);
      expect((await send(link, { method: 'PUT', body: last })).status).toBeGreaterThanOrEqual(400);
      expect((await send(link, { method: 'DELETE' })).status).toBeGreaterThanOrEqual(400);
      await advance(2);
      expect((await send(link)).status).toBeGreaterThanOrEqual(400);
      const lasting = await blobs.signDownload(blob, { fileName: 'mine.bin', expiresSeconds: 60 });
      await blobs.delete(blob);
      expect((await send(lasting)).status).toBeGreaterThanOrEqual(400);
    },
  },
];

type Sender = Pick<SuiteWorld, 'blobs' | 'send'>;

async function sendPart(
  { blobs, send }: Sender,
  key: string,
  uploadId: string,
  number: number,
  body: Uint8Array<ArrayBuffer>,
): Promise<Awaited<ReturnType<Sender['blobs']['signPart']>>> {
  const request = await blobs.signPart(key, uploadId, partOf(number, body), { expiresSeconds: 60 });
  expect((await send(request, { body })).status).toBe(200);
  return request;
}

/** A whole upload; `request` sent its last part. */
async function upload(
  world: Sender,
  key: string,
  bodies: readonly Uint8Array<ArrayBuffer>[],
): Promise<BlobInfo & { readonly request: Awaited<ReturnType<typeof sendPart>> }> {
  const uploadId = await world.blobs.beginMultipart(key, { partSizeBytes });
  let request = await sendPart(world, key, uploadId, 1, bodies[0] ?? bytesOf(''));
  for (const [at, body] of bodies.entries()) if (at > 0) request = await sendPart(world, key, uploadId, at + 1, body);
  const parts = bodies.map((body, at) => partOf(at + 1, body));
  return { ...(await world.blobs.completeMultipart(key, uploadId, parts)), request };
}

const partOf = (number: number, body: Uint8Array): MultipartPart => ({
  number,
  sizeBytes: body.length,
  sha256: createHash('sha256').update(body).digest('hex'),
});
