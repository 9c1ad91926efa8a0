import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { World } from '../platform/ports.ts';
import { sha256Hex } from '../../test/support/send-upload.ts';
import { backUp } from './backup.ts';
import { openLocalWorld, type LocalWorld } from './local-world.ts';
import { restore } from './restore.ts';

let home = '';
let world: LocalWorld;
const at = (...parts: string[]): string => join(home, ...parts);
const open = (folder: string): Promise<LocalWorld> =>
  openLocalWorld({
    folder,
    baseUrl: 'http://127.0.0.1:1',
    role: 'server',
    durability: 'process-death',
    slots: 1,
    commandOf: () => ({ command: process.execPath, args: ['-e', 'setTimeout(() => {}, 60_000)'], env: {} }),
  });
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lorary-backup-'));
  world = await open(at('data'));
});
afterEach(async () => {
  for (const { runId } of await world.runner.list()) await world.runner.cancel(runId);
  while ((await world.runner.list()).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await world.close();
  await rm(home, { recursive: true, force: true });
});

const now = (): number => 1_700_000_000_000;
const key = (sort: string) => ({ partition: 'team#thing', sort });

/** A record that names a content, as everything that is kept does. */
async function keep(to: Pick<World, 'table' | 'blobs'>, name: string): Promise<void> {
  const { key: blobKey, versionId } = await to.blobs.put(`team/${name}`, Buffer.from(name.repeat(1000)));
  const value = { blob: { key: blobKey, versionId } };
  await to.table.transact([{ put: { key: key(name), value } }], { token: name });
}

async function contentOf(from: Pick<World, 'table' | 'blobs'>, name: string): Promise<string | undefined> {
  const record = await from.table.get(key(name));
  if (!record) return undefined;
  const { blob } = record.value as { blob: { key: string; versionId: string } }; // as `keep` writes it
  const bytes = await from.blobs.read(blob, 0, name.length * 1000);
  return Buffer.from(bytes).toString();
}

test('what is no data, and a place where something stands, are refused, and nothing is left there', async () => {
  await expect(backUp(at('none'), at('copy'), { now })).rejects.toMatchObject({ code: 'no-data' });
  await mkdir(at('full'));
  await writeFile(at('full', 'x'), '');
  await expect(backUp(at('data'), at('full'), { now })).rejects.toMatchObject({ code: 'folder' });
  await expect(restore(at('full'), at('new'))).rejects.toMatchObject({ code: 'no-backup' });
  await backUp(at('data'), at('copy'), { now });
  await expect(restore(at('copy'), at('full'))).rejects.toMatchObject({ code: 'folder' });
  expect((await readdir(home)).toSorted()).toEqual(['copy', 'data', 'full']);
});

test('a content that is missing or cut short is no backup', async () => {
  await keep(world, 'a');
  await keep(world, 'b');
  const paths = await filesBelow(at('data', 'blobs'));
  const [first = '', second = ''] = paths;
  await rm(first);
  await chmod(second, 0o600);
  await writeFile(second, 'short');
  const refused = await backUp(at('data'), at('copy'), { now }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'damaged', findings: [{ where: expect.stringContaining('blobs') }, {}] });
  await expect(stat(at('copy'))).rejects.toThrow('ENOENT');
});

test('a backup with a changed byte, a missing file or damaged records is not restored, and every file is named', async () => {
  await keep(world, 'a');
  await keep(world, 'b');
  const { files } = await backUp(at('data'), at('copy'), { now });
  const [, first, second] = files.map(({ path }) => at('copy', path));
  await chmod(first ?? '', 0o600);
  await writeFile(first ?? '', 'b'.repeat(1000));
  await rm(second ?? '');
  const refused = await restore(at('copy'), at('new')).catch((error: unknown) => error);
  expect(refused).toMatchObject({
    code: 'damaged',
    findings: [{ message: 'its bytes are not those of the backup' }, { message: 'it is missing' }],
  });
  const escaping = { format: 'lorary-backup-1', takenAt: 1, files: [{ path: '../x', sizeBytes: 1, sha256: 'x' }] };
  await writeFile(at('copy', 'backup.json'), JSON.stringify(escaping));
  await expect(restore(at('copy'), at('new'))).rejects.toMatchObject({ code: 'no-backup' });

  await backUp(at('data'), at('torn'), { now });
  const torn = at('torn', 'lorary.sqlite');
  const bytes = await readFile(torn);
  bytes.fill(7, 4096, 12_288);
  await writeFile(torn, bytes);
  const manifest = JSON.parse(await readFile(at('torn', 'backup.json'), 'utf8')) as { files: object[] };
  manifest.files[0] = { path: 'lorary.sqlite', sizeBytes: bytes.length, sha256: sha256Hex(bytes) };
  await writeFile(at('torn', 'backup.json'), JSON.stringify(manifest));
  await expect(restore(at('torn'), at('new'))).rejects.toMatchObject({ code: 'damaged-database' });
  expect(await readdir(home)).not.toContain('new');
  expect(await readdir(home)).not.toContain('new.part');
});

test('while records are written, a backup is of one moment: what it names is whole, and no write is in it without those before', async () => {
  const names = Array.from({ length: 200 }, (_, at) => `n${at}`);
  for (const name of names.slice(0, 20)) await keep(world, name);
  const writing = (async () => {
    for (const name of names.slice(20)) await keep(world, name);
  })();
  await backUp(at('data'), at('copy'), { now });
  await writing;
  await restore(at('copy'), at('new'));
  const restored = await open(at('new'));
  try {
    const found = await Promise.all(names.map((name) => contentOf(restored, name)));
    const count = found.filter((content) => content !== undefined).length;
    expect(count).toBeGreaterThanOrEqual(20);
    expect(found).toEqual(names.map((name, i) => (i < count ? name.repeat(1000) : undefined)));
  } finally {
    await restored.close();
  }
});

test('an open upload goes on in the copy, a run that was under way is lost there, one that waited starts', async () => {
  const part = { number: 1, sizeBytes: 7, sha256: sha256Hex(Buffer.from('content')) };
  const upload = await world.blobs.beginMultipart('team/late', { partSizeBytes: 5_242_880 });
  const signed = await world.blobs.signPart('team/late', upload, part, { expiresSeconds: 60 });
  await world.blobServer.request(signed.url, { method: 'PUT', headers: { ...signed.headers }, body: 'content' });
  for (const runId of ['run_1', 'run_2'])
    await world.runner.submit({ runId, jobId: 'job_1', team: 'blue', needs: { gpu: false, memoryBytes: 1 } } as never); // only these are read here
  while ((await world.runner.describe('run_1'))?.state !== 'running') await new Promise((r) => setTimeout(r, 10));

  await backUp(at('data'), at('copy'), { now });
  const manifest = await restore(at('copy'), at('new'));
  expect(manifest.takenAt).toBe(now());
  const restored = await open(at('new'));
  try {
    expect(await restored.blobs.listParts('team/late', upload)).toEqual([part]);
    const blob = await restored.blobs.completeMultipart('team/late', upload, [part]);
    expect(Buffer.from(await restored.blobs.read(blob, 0, 7)).toString()).toBe('content');
    expect(await restored.runner.describe('run_1')).toMatchObject({
      state: 'lost',
      reason: expect.stringContaining('restored'),
    });
    expect((await restored.runner.describe('run_2'))?.state).toMatch(/waiting|running/);
  } finally {
    await restored.runner.cancel('run_2');
    while ((await restored.runner.list()).length > 0) await new Promise((r) => setTimeout(r, 20));
    await restored.close();
  }
});

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}
