import { createHash } from 'node:crypto';
import { access, constants, mkdir, mkdtemp, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { limits } from '../limits.ts';
import type { BlobInfo, MultipartPart } from '../platform/ports.ts';
import { BlobIndex, blobSchema } from './blob-index.ts';
import { openDatabase, type LocalDatabase } from './database.ts';
import { linkOrCopy } from './durable-files.ts';
import { FileBlobs } from './file-blobs.ts';
import { createSigner } from './signed-urls.ts';
import { recordSchema, SqliteTable } from './sqlite-table.ts';
import { sweepBlobs } from './sweep-blobs.ts';

const dayMilliseconds = 86_400_000;
const partSizeBytes = limits.partBytesMin;

let folder = '';
let database: LocalDatabase;
let index: BlobIndex;
let blobs: FileBlobs;
let count = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-blobs-'));
  database = openDatabase(join(folder, 'test.sqlite'), recordSchema + blobSchema, 'process-death');
  index = new BlobIndex(database);
  blobs = new FileBlobs({
    folder,
    index,
    signer: createSigner(Buffer.alloc(32), Date.now),
    baseUrl: 'http://127.0.0.1:1',
    durability: 'power-loss',
    now: Date.now,
    randomBytes: (length) => Buffer.alloc(length, (count += 1)),
  });
});
afterEach(async () => {
  database.close();
  await rm(folder, { recursive: true });
});

test('a part that is sent again while the first hangs takes its place', async () => {
  const uploadId = await blobs.beginMultipart('k', { partSizeBytes });
  const content = Buffer.from('content');
  let asked = (): void => {};
  const hanging = new Promise<void>((resolve) => (asked = resolve));
  async function* hangs(): AsyncIterable<Uint8Array> {
    yield Buffer.from('xx');
    asked();
    await new Promise(() => {});
  }
  const first = blobs.partWriter.receive(uploadId, partOf(content), hangs()).catch((error: unknown) => error);
  await hanging;
  await blobs.partWriter.receive(uploadId, partOf(content), chunks(content));
  expect(await first).toMatchObject({ code: 'part-superseded' });
  const blob = await blobs.completeMultipart('k', uploadId, [partOf(content)]);
  expect(Buffer.from(await blobs.read(blob, 0, content.length))).toEqual(content);
});

test('a part on its way when its upload is completed or aborted writes nothing more', async () => {
  const content = Buffer.from('content');
  for (const end of ['complete', 'abort']) {
    const uploadId = await blobs.beginMultipart('k', { partSizeBytes });
    await blobs.partWriter.receive(uploadId, partOf(content), chunks(content));
    const late = blobs.partWriter
      .receive(uploadId, { ...partOf(content), number: 2 }, endless())
      .catch((error: unknown) => error);
    if (end === 'complete') {
      const blob = await blobs.completeMultipart('k', uploadId, [partOf(content)]);
      expect((await stat(blobs.blobPath(blob.versionId))).size).toBe(content.length);
    } else await blobs.abortMultipart('k', uploadId);
    expect(await late).toMatchObject({ code: expect.stringMatching(/part-superseded|no-such-upload/) as string });
    await expect(access(join(folder, 'uploads', uploadId))).rejects.toThrow(/ENOENT/);
  }
});

test('a part that failed half-way is not counted, and can be sent again', async () => {
  const uploadId = await blobs.beginMultipart('k', { partSizeBytes });
  async function* broken(): AsyncIterable<Uint8Array> {
    yield Buffer.from('half');
    throw new Error('the connection broke');
  }
  await expect(blobs.partWriter.receive(uploadId, partOf(Buffer.from('whole')), broken())).rejects.toThrow('broke');
  expect(await blobs.listParts('k', uploadId)).toEqual([]);
  await blobs.partWriter.receive(uploadId, partOf(Buffer.from('whole')), chunks(Buffer.from('whole')));
  expect(await blobs.listParts('k', uploadId)).toHaveLength(1);
});

test('an upload whose process died between the move of the file and its row is completed by a repetition', async () => {
  const content = Buffer.from('content');
  const uploadId = await blobs.beginMultipart('k', { partSizeBytes });
  await blobs.partWriter.receive(uploadId, partOf(content), chunks(content));
  await mkdir(join(folder, 'blobs', uploadId.slice(0, 2)), { recursive: true });
  await rename(join(folder, 'uploads', uploadId), blobs.blobPath(uploadId));
  expect(await blobs.completeMultipart('k', uploadId, [partOf(content)])).toMatchObject({ sizeBytes: content.length });
});

test('files of blobs cannot be written, and what is materialised is the same file', async () => {
  const blob = await blobs.put('k', Buffer.from('content'));
  const path = blobs.blobPath(blob.versionId);
  expect((await stat(path)).mode & 0o777).toBe(0o444);
  await blobs.materialise(blob, join(folder, 'copy'));
  expect((await stat(join(folder, 'copy'))).ino).toBe((await stat(path)).ino);
  await rm(join(folder, 'copy'));
  expect(await readFile(path, 'utf8')).toBe('content');
});

// memory is a file system of its own on Linux
test.runIf(process.platform === 'linux')('between file systems content is copied, and nothing replaced', async () => {
  const elsewhere = await mkdtemp('/dev/shm/lorary-');
  try {
    await writeFile(join(folder, 'here'), 'content');
    expect((await stat(elsewhere)).dev).not.toBe((await stat(folder)).dev);
    await linkOrCopy(join(folder, 'here'), join(elsewhere, 'there'));
    expect(await readFile(join(elsewhere, 'there'), 'utf8')).toBe('content');
    await writeFile(join(folder, 'here'), 'other');
    await expect(linkOrCopy(join(folder, 'here'), join(elsewhere, 'there'))).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readFile(join(elsewhere, 'there'), 'utf8')).toBe('content');
  } finally {
    await rm(elsewhere, { recursive: true });
  }
});

test('a list goes on beyond its first page', async () => {
  const names = Array.from({ length: 2001 }, (_, at) => `k/${String(at).padStart(5, '0')}`);
  for (const [at, key] of names.entries()) index.add({ key, versionId: `v${at}`, sizeBytes: 0, writtenAt: 0 });
  const listed: BlobInfo[] = [];
  for await (const blob of blobs.list('k/')) listed.push(blob);
  expect(listed.map(({ key }) => key)).toEqual(names);
});

test('sweeping drops old uploads and old files that no row knows, and leaves the rest', async () => {
  const now = Date.now();
  const kept = await blobs.put('k', Buffer.from('kept'));
  const fresh = await blobs.beginMultipart('k', { partSizeBytes });
  const stray = join(folder, 'blobs', 'ff', 'f'.repeat(32));
  await mkdir(join(folder, 'blobs', 'ff'), { recursive: true });
  await writeFile(stray, 'left by a killed process');
  await sweepBlobs(folder, blobs, index, now);
  await access(stray);
  await sweepBlobs(folder, blobs, index, now + 2 * dayMilliseconds);
  await expect(access(stray)).rejects.toThrow(/ENOENT/);
  expect(await blobs.listParts('k', fresh)).toEqual([]);
  await sweepBlobs(folder, blobs, index, now + limits.uploadKeptSeconds * 1000 - 10_000);
  expect(await blobs.listParts('k', fresh)).toEqual([]);
  await access(blobs.blobPath(kept.versionId), constants.R_OK);
  await sweepBlobs(folder, blobs, index, now + limits.uploadKeptSeconds * 1000 + 10_000);
  await expect(blobs.listParts('k', fresh)).rejects.toMatchObject({ code: 'no-such-upload' });
});

test('sweeping drops what no record names once it is old, and nothing that one names', async () => {
  const put = (name: string): Promise<BlobInfo> => blobs.put(name, Buffer.from(name));
  const inFile = await put('in-file');
  const sent = await put('sent');
  const inList = await put('in-list');
  const unnamed = await put('unnamed');
  const mentioned = await put('mentioned');
  const waiting = await blobs.beginMultipart('waiting', { partSizeBytes: limits.partBytesMin });
  const astray = await blobs.beginMultipart('astray', { partSizeBytes: limits.partBytesMin });
  const table = new SqliteTable(database, Date.now);
  for (const [sort, value] of [
    ['version', { files: [{ path: 'x', blob: { key: 'in-file', versionId: inFile.versionId } }] }],
    ['upload', { files: [{ blobKey: 'sent', multipartId: sent.versionId }] }],
    ['completed', { state: 'completed', files: [{ blobKey: 'waiting', multipartId: waiting }] }],
    ['list', { deep: [[{ versionId: 7 }, { versionId: inList.versionId }]] }],
    // what a caller wrote names nothing
    ['note', { versionIds: mentioned.versionId, note: `{"versionId":"${mentioned.versionId}"}` }],
  ] as const)
    await table.put({ key: { partition: 'a', sort }, value });

  const keptUntil = Date.now() + limits.uploadKeptSeconds * 1000;
  await sweepBlobs(folder, blobs, index, keptUntil - 10_000);
  expect(await blobs.head(unnamed)).toEqual(unnamed);
  await sweepBlobs(folder, blobs, index, keptUntil + 10_000);
  expect(await blobs.listParts('waiting', waiting)).toEqual([]);
  await expect(blobs.listParts('astray', astray)).rejects.toMatchObject({ code: 'no-such-upload' });
  for (const blob of [inFile, sent, inList]) {
    expect(await blobs.head(blob)).toEqual(blob);
    await access(blobs.blobPath(blob.versionId));
  }
  for (const blob of [unnamed, mentioned]) {
    expect(await blobs.head(blob)).toBeUndefined();
    await expect(access(blobs.blobPath(blob.versionId))).rejects.toThrow(/ENOENT/);
  }
});

test('a linked file that was written long ago is not taken for a left-over', async () => {
  const source = join(folder, 'source');
  await writeFile(source, 'old');
  await utimes(source, 1, 1);
  const blob = await blobs.putFile('k', source);
  index.remove(blob);
  await sweepBlobs(folder, blobs, index, Date.now());
  await access(blobs.blobPath(blob.versionId));
});

test('a file shorter than its row says is our own mistake, not a short answer', async () => {
  const blob = await blobs.put('k', Buffer.from('content'));
  index.remove(blob);
  index.add({ ...blob, sizeBytes: 8 });
  await expect(blobs.read(blob, 0, 8)).rejects.toThrow(/invariant/);
});

const partOf = (content: Uint8Array): MultipartPart => ({
  number: 1,
  sizeBytes: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
});

async function* chunks(content: Uint8Array): AsyncIterable<Uint8Array> {
  for (const byte of content) yield Uint8Array.of(byte);
}

async function* endless(): AsyncIterable<Uint8Array> {
  for (;;) {
    yield Uint8Array.of(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
