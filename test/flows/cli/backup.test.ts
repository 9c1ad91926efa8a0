import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectTo } from '../../../cli/server/connect.ts';
import { compareLibraries } from '../../support/compare-libraries.ts';
import { openCliWorld, type CliWorld } from '../../support/lorary-cli.ts';
import { writeTinyAdapter } from '../../support/tiny-adapter.ts';

let cli: CliWorld;
beforeAll(async () => {
  cli = await openCliWorld();
  await writeTinyAdapter(join(cli.folder, 'french'), { seed: 1 });
  await cli.json(['push', 'french', '--base', 'tiny', '--alias', 'production']);
}, 60_000);
afterAll(() => cli.close());

test('data that is there is never replaced, and a folder that is none is no backup', async () => {
  expect(await cli.run(['restore', 'french'])).toMatchObject({ code: 2, err: expect.stringContaining('is no backup') });
  await cli.json(['backup', 'first']);
  const again = await cli.run(['backup', 'first']);
  expect(again).toMatchObject({ code: 2, err: expect.stringContaining('first exists already') });
  const served = await cli.run(['restore', 'first']);
  expect(served).toMatchObject({ code: 2, err: expect.stringContaining('has something in it already') });
}, 60_000);

test('a backup of a server that goes on becomes a server with the same records, bytes and key', async () => {
  const made = await cli.run(['backup', 'copy']);
  expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/files .* are in copy\nMake data of it again/) });
  const where = { LORARY_DATA: join(cli.folder, 'elsewhere', '.lorary') };
  const restored = await cli.run(['restore', 'copy'], where);
  expect(restored).toMatchObject({ code: 0, out: expect.stringContaining('Serve them with: lorary up') });
  const second = cli.spawn(['up', '--port', '0', '--json'], where);
  try {
    const url = await new Promise<string>((resolve) =>
      second.stdout?.once('data', (bytes: Buffer) => resolve((JSON.parse(bytes.toString()) as { url: string }).url)),
    );
    const [before, after] = [connectTo(cli), connectTo({ url, key: cli.key })];
    expect(await compareLibraries(before, after)).toEqual([]);
    await writeTinyAdapter(join(cli.folder, 'late'), { seed: 2 });
    await cli.json(['push', 'late', '--name', 'french']);
    expect(await compareLibraries(before, after)).toContainEqual(expect.stringMatching(/^french@2: .* not there$/));
  } finally {
    const ended = new Promise((resolve) => second.once('close', resolve));
    second.kill('SIGTERM');
    await ended;
    await rm(join(cli.folder, 'elsewhere'), { recursive: true });
  }
}, 60_000);
