import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBase, getBase, listBases, type Base } from '../../shared/contract/bases.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { runHere } from '../../test/support/run-here.ts';
import { openServedApi, type ServedApi } from '../../test/support/served-api.ts';
import { startSmallHub, type SmallHub } from '../../test/support/small-hub.ts';
import { connectTo } from '../server/connect.ts';
import { moveBase } from './move-content.ts';

const tiny = fileURLToPath(new URL('../../examples/tiny-base', import.meta.url));
const commit = 'c'.repeat(40);
const view = { show() {}, note() {}, end() {} };

let [here, there]: ServedApi[] = [];
let hub: SmallHub;
let [from, to]: ApiClient[] = [];
let base: Base;
beforeAll(async () => {
  const names = await readdir(tiny);
  const files = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(tiny, name))] as const)),
  );
  hub = await startSmallHub({ 'owner/tiny': { commit, files } });
  [here, there] = [await openServedApi(), await openServedApi()];
  [from, to] = [await clientOf(here), await clientOf(there)];
  Object.assign(here.deps, { hub: { url: hub.url } });
  const source = { kind: 'huggingface', repository: 'owner/tiny' } as const;
  await from.call(createBase, { body: { name: 'tiny', source } });
  base = await imported(here, from, 'tiny');
});
afterAll(async () => {
  await hub.close();
  await here?.close();
  await there?.close();
});

const clientOf = async (api: ServedApi): Promise<ApiClient> => connectTo({ url: api.url, key: await api.key('blue') });

/** Does the import that waits, as its container would. */
async function imported(api: ServedApi, client: ApiClient, name: string): Promise<Base> {
  for (;;) {
    await api.settle();
    const found = (await client.call(listBases, {})).items.find((one) => one.name === name);
    if (found?.importJobId !== undefined) {
      await runHere(api, found.importJobId, { hubUrl: hub.url });
      return client.call(getBase, { params: { base: name } });
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Moves a base while the other server works. Resolves to the bytes that were sent. */
async function moved(given: Base): Promise<number> {
  if (!from || !to || !there) throw new Error('the servers are up');
  const [{ bytes }] = await Promise.all([
    moveBase({ from, to, view, now: () => 0 }, given),
    imported(there, to, given.name),
  ]);
  return bytes;
}

test('a base of Hugging Face is fetched by the other server, at the same commit', async () => {
  Object.assign(there?.deps ?? {}, { hub: { url: hub.url } });
  expect(await moved(base)).toBe(0);
  const { source, sha256 } = (await to?.call(getBase, { params: { base: 'tiny' } })) ?? {};
  expect([source, sha256]).toEqual([{ kind: 'huggingface', repository: 'owner/tiny', revision: commit }, base.sha256]);
});

test('where the other server cannot fetch it, it is sent, and says where it was', async () => {
  const { hub: _, ...rest } = there?.deps ?? {};
  for (const name of Object.keys(there?.deps ?? {}))
    if (!(name in rest)) Reflect.deleteProperty(there?.deps ?? {}, name);
  await from?.call(createBase, { body: { name: 'again', source: { kind: 'huggingface', repository: 'owner/tiny' } } });
  if (!here || !from) throw new Error('the servers are up');
  const again = await imported(here, from, 'again');
  expect(await moved(again)).toBe(again.sizeBytes);
  const { source, sha256, lineage } = (await to?.call(getBase, { params: { base: 'again' } })) ?? {};
  expect([source?.kind, sha256, lineage?.moved]).toEqual([
    'upload',
    base.sha256,
    { id: again.id, createdAt: again.createdAt, lineage: { origin: 'import' } },
  ]);
});

test('what the other server has under its commit and is something else, is told', async () => {
  Object.assign(there?.deps ?? {}, { hub: { url: hub.url } });
  await expect(moved({ ...base, name: 'other', sha256: '0'.repeat(64) })).rejects.toMatchObject({ code: 'damaged' });
});
