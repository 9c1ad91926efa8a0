import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { carryOut } from '../../../cli/library/carry-out.ts';
import { readLibrary } from '../../../cli/library/library.ts';
import { planMove } from '../../../cli/library/plan-move.ts';
import { connectTo } from '../../../cli/server/connect.ts';
import { waitUntil } from '../../../cli/server/wait-until.ts';
import { createAdapter, deleteAdapter, setAlias, updateAdapter } from '../../../shared/contract/adapters.ts';
import type { ApiClient } from '../../../shared/contract/api-client.ts';
import { createComposition } from '../../../shared/contract/compositions.ts';
import { createKey } from '../../../shared/contract/keys.ts';
import { getVersion, withdrawVersion } from '../../../shared/contract/versions.ts';
import { compareLibraries } from '../../support/compare-libraries.ts';
import { openCliWorld, resultOf, type CliWorld } from '../../support/lorary-cli.ts';
import { pushVersion, sha256Hex, tinyAdapter } from '../../support/send-upload.ts';
import { writeTinyBase } from '../../support/tiny-base.ts';

let here: CliWorld;
let there: CliWorld;
let [mine, theirs]: ApiClient[] = [];
beforeAll(async () => {
  [here, there] = await Promise.all([openCliWorld(), openCliWorld()]);
  [mine, theirs] = [connectTo(here), connectTo(there)];
  await fillLibrary();
}, 120_000);
afterAll(async () => {
  await here.close();
  await there.close();
});

/** A base that is only here, rows, versions that were sent, trained and withdrawn, a recipe, aliases; and what has been deleted. */
async function fillLibrary(): Promise<void> {
  const at = (name: string): string => join(here.folder, name);
  await writeTinyBase(at('model'));
  await here.json(['base', 'add', 'model', '--name', 'own', '--upload', '--description', 'only here']);
  const rows = Array.from({ length: 24 }, (_, i) => JSON.stringify({ prompt: `${i} is`, completion: ` ${i}.` }));
  await writeFile(at('rows.jsonl'), rows.join('\n'));
  await here.json(['data', 'push', 'rows.jsonl', '--description', 'numbers']);
  await here.json(['train', '--base', 'own', '--data', 'rows', '--output', 'trained', '--steps', '1', '--r', '2']);
  for (const seed of [1, 2, 3, 1]) await push('french', { files: await tinyAdapter(seed), notes: `of seed ${seed}` });
  await mine?.call(setAlias, { params: { adapter: 'french', alias: 'production' }, body: { version: 2 } });
  const members = [1, 3].map((version) => ({ adapter: 'french', version: String(version), weight: version }));
  await mine?.call(createComposition, { body: { name: 'both', description: 'two', type: 'cat', members } });
  const card = { description: 'speaks French', tags: ['french', 'polite'] };
  await mine?.call(updateAdapter, { params: { adapter: 'french' }, body: card });
  const reason = 'learnt from wrong rows';
  await mine?.call(withdrawVersion, { params: { adapter: 'french', version: '3' }, body: { reason } });
  await mine?.call(createAdapter, { body: { name: 'empty', base: 'tiny', tags: ['later'] } });
  await mine?.call(createAdapter, { body: { name: 'gone', base: 'tiny' } });
  await mine?.call(deleteAdapter, { params: { adapter: 'gone' } });
}

/** A version that is published when this returns. */
async function push(adapter: string, given: Parameters<typeof pushVersion>[3], api = mine): Promise<void> {
  if (!api) return;
  const { id } = await pushVersion({ fetch: (url, init) => fetch(url, init) }, api, adapter, given);
  const params = { adapter, version: id };
  await waitUntil(
    () => api.call(getVersion, { params }),
    ({ state }) => state === 'published',
  );
}

interface Told {
  readonly moved?: readonly { readonly what: string }[];
  readonly moves?: readonly { readonly what: string }[];
  readonly left: readonly { readonly what: string; readonly why: string }[];
  readonly thereCount: number;
  readonly bytes: number;
}

const move = (world: CliWorld = there): string[] => ['push', '--all', '--to', world.url, '--key', world.key];

test('a call that names no server, the server itself, or a key that may not, moves nothing', async () => {
  expect((await here.run(['push', '--all'])).err).toContain('Say where the library goes');
  expect((await here.run([...move(), 'folder'])).err).toContain('folder is of one folder');
  expect((await here.run(['push', 'folder', '--dry-run'])).err).toContain('--dry-run goes with --all');
  expect((await here.run(['push', '--all', '--to', here.url])).err).toContain('is where the library is');
  const { secret } = (await theirs?.call(createKey, { body: { name: 'reads', scopes: ['adapters:read'] } })) ?? {};
  const weak = await here.run(['push', '--all', '--to', there.url, '--key', secret ?? '']);
  expect(weak).toMatchObject({ code: 2, err: expect.stringContaining('lacks adapters:write, aliases:promote') });
  expect(await here.run(['push', '--all', '--to', there.url])).toMatchObject({ code: 2 });
});

test('a dry run tells what would go and how much, and changes nothing', async () => {
  const told = await here.json<Told>([...move(), '--dry-run']);
  expect(told.moves?.map(({ what }) => what)).toEqual([
    'the base own',
    'the dataset rows',
    'the adapter empty',
    'the adapter french',
    ...[1, 2, 3, 4].map((version) => `french@${version}`),
    'the adapter trained',
    'trained@1',
    'the composition both',
    'the withdrawal of french@3',
    'french@production',
  ]);
  expect(told).toMatchObject({ left: [], thereCount: 1 });
  expect(told.bytes).toBeGreaterThan(50_000);
  expect((await here.run([...move(), '--dry-run'])).out).toMatch(
    /13 things and .* would go .* 1 are there already\.\n/,
  );
  expect((await readLibrary(connectTo(there))).adapters).toEqual([]);
});

test('a run that is killed in the middle goes on, and then record for record and byte for byte all of it is there', async () => {
  const killed = here.spawn(move());
  let said = '';
  killed.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
    if (said.includes('french@2')) killed.kill('SIGKILL');
  });
  await resultOf(killed);
  expect(said).toContain('french@2');
  expect(said).not.toContain('trained@1');
  const differing = await compareLibraries(connectTo(here), connectTo(there));
  expect(differing.length).toBeGreaterThan(3);

  const second = await here.json<Told>(move());
  expect(second.moved?.map(({ what }) => what)).not.toContain('the base own');
  expect(second.moved?.map(({ what }) => what)).toContain('trained@1');
  expect(await compareLibraries(connectTo(here), connectTo(there))).toEqual([]);

  const third = await here.json<Told>(move());
  expect(third).toMatchObject({ moved: [], left: [], bytes: 0, thereCount: 9 });
  const shown = await there.run(['show', 'trained@1']);
  expect(shown.out).toMatch(
    /moved here from another installation, where it was ver_\w+, .*: trained from the rows rows/,
  );
}, 120_000);

test('a version that is dropped on the way is found by the comparison', async () => {
  const third = await openCliWorld();
  try {
    const [from, to] = [connectTo(here), connectTo(third)];
    const plan = planMove(await readLibrary(from), await readLibrary(to));
    const adapters = plan.adapters.map((one) => ({
      ...one,
      versions: one.versions.filter(({ version }) => one.adapter.name !== 'french' || version !== 2),
    }));
    const view = { show() {}, note() {}, end() {} };
    await carryOut({ ...plan, adapters }, { from, to, view, now: () => 0 }, { note: () => undefined });
    const differing = await compareLibraries(from, to);
    expect(differing).toContainEqual(expect.stringMatching(/^french@4: .* \| not there$/));
    expect(differing).toContainEqual(expect.stringMatching(/^french@2\/adapter_model.safetensors: /));
  } finally {
    await third.close();
  }
}, 120_000);

test('what is there under the same name and is something else stays, is told, and ends with 2; the rest goes', async () => {
  await push('french', { files: await tinyAdapter(9) }, theirs);
  await push('late', { files: await tinyAdapter(2) });
  await push('french', { files: await tinyAdapter(3), notes: 'once more' });
  await mine?.call(setAlias, { params: { adapter: 'french', alias: 'production' }, body: { version: 4 } });
  await rm(join(here.folder, 'rows.jsonl'));
  await writeFile(join(there.folder, 'rows.jsonl'), `{"prompt":"a","completion":" b"}\n`);
  await there.json(['data', 'push', 'rows.jsonl', '--name', 'late-rows']);
  await writeFile(join(here.folder, 'rows.jsonl'), `{"prompt":"c","completion":" d"}\n`);
  await here.json(['data', 'push', 'rows.jsonl', '--name', 'late-rows']);
  const told = await here.json<Told & { moved: { what: string; as?: string }[] }>(move(), 2);
  expect(told.moved).toEqual([
    expect.objectContaining({ what: 'french@5', as: 'french@6' }),
    expect.objectContaining({ what: 'the adapter late' }),
    expect.objectContaining({ what: 'late@1' }),
  ]);
  expect(told.left).toEqual([
    { what: 'the dataset late-rows', why: 'something else has this name there', conflict: true },
    { what: 'french@production', why: 'it points to version 2 there, and stays so', conflict: false },
  ]);
  const stays = await readFile(join(there.folder, 'rows.jsonl'));
  const differing = await compareLibraries(connectTo(here), connectTo(there));
  expect(differing.find((line) => line.startsWith('dataset late-rows bytes'))).toContain(sha256Hex(stays));
}, 120_000);
