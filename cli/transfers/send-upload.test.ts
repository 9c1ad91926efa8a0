import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDataset } from '../../shared/contract/datasets.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { getUpload, type Upload } from '../../shared/contract/uploads.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { openServedApi, type ServedApi } from '../../test/support/served-api.ts';
import { connectTo } from '../server/connect.ts';
import { announced, hashFiles } from './local-files.ts';
import { sendUpload, type LocalFile } from './send-upload.ts';

let folder = '';
let served: ServedApi;
let api: ApiClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-send-'));
  served = await openServedApi();
  api = connectTo({ url: served.url, key: await served.key('blue') });
});
afterAll(async () => {
  await served.close();
  await rm(folder, { recursive: true });
});

/** A file of a bit more than two parts, and its open upload. */
async function begin(name: string): Promise<{ file: LocalFile; upload: Upload; path: string }> {
  const path = join(folder, name);
  await writeFile(path, Buffer.alloc(2 * limits.uploadPartBytes + 1000, name));
  const [file] = await hashFiles([{ path: 'data.jsonl', localPath: path }], { show() {} }, () => 0);
  if (!file) throw new Error('one file was given');
  const { upload } = await api.call(createDataset, { body: { name, file: announced(file) } });
  return { file, upload, path };
}

const isPart = (request: Request): boolean => request.method === 'PUT' && request.url.includes('/blobs/parts/');

test('a file that changed while it was sent is refused', async () => {
  const { file, upload, path } = await begin('changed');
  await writeFile(path, Buffer.alloc(file.sizeBytes, 'other'));
  await expect(sendUpload(api, upload, [file], { wait: () => Promise.resolve() })).rejects.toThrow('send it again');
});

test('parts that have arrived are not sent again after an interruption; every byte is counted once', async () => {
  const { file, upload } = await begin('interrupted');
  let sent = 0;
  served.fault((request) => (isPart(request) && ++sent > 1 ? new Response('busy', { status: 503 }) : undefined));
  const patience = { wait: () => Promise.resolve() };
  await expect(sendUpload(api, upload, [file], patience)).rejects.toBeInstanceOf(UnavailableError);
  const open = await api.call(getUpload, { params: { upload: upload.id } });
  expect(open.files[0]?.received).toHaveLength(1);

  sent = 0;
  served.fault((request) => void (isPart(request) && sent++));
  let told = 0;
  const done = await sendUpload(api, open, [file], { onBytes: (count) => (told += count) });
  expect(done.state).toBe('completed');
  expect([sent, told]).toEqual([2, file.sizeBytes]);
});

test('a link that has expired is signed anew', async () => {
  const { file, upload } = await begin('expired');
  let refused = 0;
  served.fault((request) => (isPart(request) && refused++ < 2 ? new Response('expired', { status: 403 }) : undefined));
  const done = await sendUpload(api, upload, [file], { wait: () => Promise.resolve() });
  expect([done.state, refused]).toEqual(['completed', 5]);
});

test('a body that did not all come is sent again, and is no change of the file', async () => {
  const { file, upload } = await begin('slow');
  const answer = '<Error><Code>RequestTimeout</Code><Message>Your socket connection was idle.</Message></Error>';
  let refused = 0;
  served.fault((request) => (isPart(request) && refused++ < 1 ? new Response(answer, { status: 400 }) : undefined));
  const done = await sendUpload(api, upload, [file], { wait: () => Promise.resolve() });
  expect(done.state).toBe('completed');
  const twisted = await begin('twisted');
  served.fault((request) => (isPart(request) ? new Response('<Code>BadDigest</Code>', { status: 400 }) : undefined));
  await expect(sendUpload(api, twisted.upload, [twisted.file])).rejects.toMatchObject({ code: 'changed-meanwhile' });
});

test('a part whose answer breaks off after it was taken is not sent twice', async () => {
  const { file, upload } = await begin('half-answered');
  let parts = 0;
  served.fault((request) => {
    if (!isPart(request)) return undefined;
    parts += 1;
    return served.fetch(request).then(() => new Response(brokenOff()));
  });
  const done = await sendUpload(api, upload, [file], { wait: () => Promise.resolve() });
  expect([done.state, parts]).toEqual(['completed', 3]);
});

const brokenOff = (): ReadableStream<Uint8Array> =>
  new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(1)),
    pull: (controller) => controller.error(new Error('broken')),
  });
