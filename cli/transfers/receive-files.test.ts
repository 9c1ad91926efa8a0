import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLocalWorld, type LocalWorld } from '../../shared/local/local-world.ts';
import { receiveFiles, type RemoteFile } from './receive-files.ts';

let folder = '';
let world: LocalWorld;
let server: ReturnType<typeof serve>;
/** Answers that replace the store's next ones. */
const faults: ((response: Response) => Response | Promise<Response>)[] = [];
const ranges: (string | null)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-receive-'));
  const app = async (request: Request): Promise<Response> => {
    ranges.push(request.headers.get('range'));
    const response = await world.blobServer.fetch(request);
    return (faults.shift() ?? ((same) => same))(response);
  };
  const port = await new Promise<number>((resolve) => {
    server = serve({ fetch: app, hostname: '127.0.0.1', port: 0 }, ({ port }) => resolve(port));
  });
  const baseUrl = `http://127.0.0.1:${port}`;
  world = await openLocalWorld({ folder: join(folder, 'world'), baseUrl, role: 'server', durability: 'process-death' });
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await world.close();
  await rm(folder, { recursive: true });
});

const content = (sizeBytes: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: sizeBytes }, (_, i) => (i * seed) % 251);

async function remote(path: string, bytes: Uint8Array): Promise<RemoteFile> {
  const ref = await world.blobs.put(`team/${path}`, bytes);
  const signed = await world.blobs.signDownload(ref, { fileName: path, expiresSeconds: 60 });
  return { path, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), ...signed };
}

/** Counts what is told; it must come to the size of all files in the end, whatever went wrong between. */
function counter(): { onBytes: (count: number) => void; total: () => number; wait: () => Promise<void> } {
  let total = 0;
  return { onBytes: (count) => void (total += count), total: () => total, wait: () => Promise.resolve() };
}

test('a folder that exists is not touched', async () => {
  await mkdir(join(folder, 'there'));
  await expect(receiveFiles(join(folder, 'there'), [])).rejects.toThrow('exists already');
});

test('a name that leads out of the folder is refused', async () => {
  for (const path of ['../evil', '/etc/evil', 'a/../../evil'])
    await expect(
      receiveFiles(join(folder, 'out'), [{ ...(await remote('x', content(3, 1))), path }], counter()),
    ).rejects.toThrow('leads out of the folder');
});

test('bytes that stay wrong are never given out as a folder', async () => {
  const file = { ...(await remote('bad', content(1000, 3))), sha256: '0'.repeat(64) };
  await expect(receiveFiles(join(folder, 'bad'), [file], counter())).rejects.toThrow('not what its SHA-256 says');
  expect(await readdir(folder)).not.toContain('bad');
});

test('files come whole, in folders and empty ones too', async () => {
  const files = [
    await remote('config.json', content(10, 7)),
    await remote('sub/weights', content(3_000_000, 11)),
    await remote('empty', new Uint8Array()),
  ];
  const count = counter();
  await receiveFiles(join(folder, 'good'), files, count);
  expect(count.total()).toBe(3_000_010);
  expect((await readFile(join(folder, 'good', 'sub/weights'))).equals(content(3_000_000, 11))).toBe(true);
  expect((await readFile(join(folder, 'good', 'empty'))).length).toBe(0);
  expect(await readdir(folder)).not.toContain('good.part');
});

test('a transfer that breaks off goes on where it was, with a fresh link', async () => {
  const bytes = content(2_000_000, 13);
  const file = await remote('cut', bytes);
  ranges.length = 0;
  faults.push(
    async (response) => {
      const all = new Uint8Array(await response.arrayBuffer());
      const cut = new ReadableStream({
        start(controller) {
          controller.enqueue(all.subarray(0, 500_000));
          controller.close();
        },
      });
      return new Response(cut, { status: 200 });
    },
    () => new Response('expired', { status: 403 }),
  );
  let renewed = 0;
  const count = counter();
  await receiveFiles(join(folder, 'cut'), [file], {
    ...count,
    renew: async () => {
      renewed += 1;
      return [await remote('cut', bytes)];
    },
  });
  expect((await readFile(join(folder, 'cut', 'cut'))).equals(bytes)).toBe(true);
  expect(ranges).toEqual([null, 'bytes=500000-', 'bytes=500000-']);
  expect([renewed, count.total()]).toEqual([2, bytes.length]);
});

test('what another version has left is not kept', async () => {
  await mkdir(join(folder, 'stale.part'));
  await writeFile(join(folder, 'stale.part', 'one'), content(500, 5));
  await writeFile(join(folder, 'stale.part', 'two'), content(5000, 5));
  const files = [await remote('one', content(1000, 17)), await remote('two', content(1000, 19))];
  const count = counter();
  await receiveFiles(join(folder, 'stale'), files, count);
  expect((await readFile(join(folder, 'stale', 'one'))).equals(content(1000, 17))).toBe(true);
  expect((await readFile(join(folder, 'stale', 'two'))).equals(content(1000, 19))).toBe(true);
  expect(count.total()).toBe(2000);
});
