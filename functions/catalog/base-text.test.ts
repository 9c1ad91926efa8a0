import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { timeWorld } from '../../bench/timed-world.ts';
import type { BaseRecord } from '../../shared/records/bases.ts';
import { createTextCache } from '../../shared/text/text-cache.ts';
import { addBase } from '../../test/support/catalog-fixtures.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { withBaseText } from './base-text.ts';

let folder: string;
let api: LocalApi;
let base: BaseRecord;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-base-text-'));
  await writeTinyBase(folder);
  api = await openLocalApi();
  base = await addBase(api.world, api.caller(), 'tiny', folder);
});
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

const tokensOf = async (deps: Parameters<typeof withBaseText>[0], of = base): Promise<number> =>
  withBaseText(deps, of, async ({ tokenizer }) => tokenizer.encode('a few words').length);

test('the files of a base are read once where texts are kept, and each time where they are not', async () => {
  const { world, take } = timeWorld(api.world);
  const texts = createTextCache();
  const first = await tokensOf({ world, texts });
  expect(take().calls['blobs.read']).toBeGreaterThan(0);
  expect(await tokensOf({ world, texts })).toBe(first);
  expect(take().calls).toEqual({});
  expect(await tokensOf({ world })).toBe(first);
  expect(take().calls['blobs.read']).toBeGreaterThan(0);
  texts.close();
});

test('other content, or another team, is another text', async () => {
  const { world, take } = timeWorld(api.world);
  const texts = createTextCache();
  await tokensOf({ world, texts });
  const others = [
    { ...base, team: 'red' },
    { ...base, files: base.files.map((file) => ({ ...file, sha256: file.sha256.replaceAll(/./g, '0') })) },
  ];
  for (const other of others) {
    take();
    await tokensOf({ world, texts }, other);
    expect(take().calls['blobs.read']).toBeGreaterThan(0);
  }
  texts.close();
});
