import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { listAudit } from '../../shared/contract/audit.ts';
import { getBase, listBaseFiles } from '../../shared/contract/bases.ts';
import { eraseDataset, getErasure } from '../../shared/contract/erasures.ts';
import { createJob, getJob } from '../../shared/contract/jobs.ts';
import { getVersionManifest } from '../../shared/contract/manifests.ts';
import { shareAdapter, unshareAdapter } from '../../shared/contract/shares.ts';
import { getVersion, listVersionFiles } from '../../shared/contract/versions.ts';
import type { Lineage } from '../../shared/contract/versions.ts';
import { limits } from '../../shared/limits.ts';
import { baseWrite } from '../../shared/records/bases.ts';
import { blobPrefixes } from '../../shared/records/blob-keys.ts';
import { newId } from '../../shared/records/commit.ts';
import { datasetRoots } from '../../shared/records/dataset-roots.ts';
import { sharedInput } from '../../shared/records/jobs.ts';
import { noteLineage, parentsOf } from '../../shared/records/lineage.ts';
import { submitJob } from '../../shared/records/submit-job.ts';
import { resolveVersion, type VersionRecord } from '../../shared/records/versions.ts';
import { addTeam } from '../../test/support/add-team.ts';
import { dyingWorld } from '../../test/support/dying-world.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { parentOf, publishMade } from '../../test/support/publish-made.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { storeDataset } from '../../test/support/stored-things.ts';
import { sweepErasures } from './sweep-erasures.ts';

let api: LocalApi;
let clients: Readonly<Record<string, ApiClient>>;
let made: Readonly<Record<string, VersionRecord>>;
let mergedId = '';

const teams = ['blue', 'red', 'green', 'white'] as const;
type Team = (typeof teams)[number];

const clientOf = (team: Team): ApiClient => {
  const client = clients[team];
  if (!client) throw new Error(`${team} has a client`);
  return client;
};

/** Something of a team's, as its job makes it of versions that it may read. */
async function make(team: Team, adapter: string, parents: readonly string[]): Promise<VersionRecord> {
  const { world } = api;
  const lineage = await lineageOf(team, parents);
  return publishMade(world, api.caller(team), { adapter, base: 'tiny', lineage: { origin: 'compose', ...lineage } });
}

async function lineageOf(team: Team, refs: readonly string[]): Promise<Pick<Lineage, 'jobId' | 'parents'>> {
  const versions = await Promise.all(
    refs.map(async (ref) => (await resolveVersion(api.world.table, team, ref, '1')).version.value),
  );
  const shared = versions.filter((version) => version.team !== team).map(sharedInput);
  const parents = versions.map(parentOf);
  const request = { kind: 'compose' };
  const job = await submitJob(api.world, api.caller(team), { kind: 'compose', request, inputs: { parents }, shared });
  return { jobId: job.id, parents };
}

const share = (team: Team, adapter: string, other: Team) =>
  clientOf(team).call(shareAdapter, { params: { adapter, team: other } });

/** Blue's rows, what it trained on them, what red made of that, and green of red's; and what each has that does not descend from them. */
beforeEach(async () => {
  api = await openLocalApi();
  for (const team of teams) {
    await addTeam(api.world, team);
    await putReadyBase(api.world, team, 'tiny');
  }
  clients = Object.fromEntries(await Promise.all(teams.map(async (team) => [team, await api.client(team)] as const)));
  const { world } = api;
  const data = await storeDataset(world, api.caller('blue'), 'letters', [{ prompt: 'a', completion: 'b' }]);
  const datasets = [{ name: 'letters', id: data.id, sha256: data.sha256 ?? '' }];
  const lineage = { origin: 'train' as const, datasets };
  const first = await publishMade(world, api.caller('blue'), { adapter: 'first', base: 'tiny', lineage });
  await make('blue', 'sound', []);
  for (const adapter of ['first', 'sound']) await share('blue', adapter, 'red');
  const ofRed = await make('red', 'ours', ['blue:first']);
  const free = await make('red', 'free', ['blue:sound']);
  await share('red', 'ours', 'green');
  const ofGreen = await make('green', 'third', ['red:ours']);
  // and back to where it came from
  await share('green', 'third', 'blue');
  const back = await make('blue', 'back', ['green:third']);
  made = { first, ofRed, ofGreen, back, free };
  mergedId = await mergeInto('red', 'merged', 'blue:first');
});
afterEach(() => api.close());

async function mergeInto(team: Team, name: string, ref: string): Promise<string> {
  const { world } = api;
  const base = await putReadyBase(world, team, name);
  const lineage: Lineage = { origin: 'merge', ...(await lineageOf(team, [ref])) };
  await noteLineage(world, team, { kind: 'base', id: base.id, name }, parentsOf(lineage));
  const write = baseWrite({ ...base, lineage, ...(await datasetRoots(world.table, team, lineage)) }, 1);
  await world.table.transact([write], { token: newId(world, 'tok') });
  return base.id;
}

async function countUnder(prefix: string): Promise<number> {
  let count = 0;
  for await (const _ of api.world.blobs.list(prefix)) count++;
  return count;
}

async function left(): Promise<number> {
  const descendants = Object.entries(made).filter(([name]) => name !== 'free');
  const prefixes = descendants.map(([, { team, id }]) => blobPrefixes.version(team, id));
  const counts = await Promise.all([...prefixes, blobPrefixes.base('red', mergedId)].map(countUnder));
  return counts.reduce((sum, count) => sum + count, 0);
}

const erase = () => clientOf('blue').call(eraseDataset, { params: { dataset: 'letters' } });
const erasure = () => clientOf('blue').call(getErasure, { params: { dataset: 'letters' } });
const sweep = (): Promise<void> =>
  sweepErasures(api.world, {
    log: (_, error) => {
      throw error;
    },
  });
const gone = { status: 410, code: 'erased' };
const atVersion = (adapter: string) => ({ params: { adapter, version: '1' } });

test('what other teams have made of it answers 410 at once, and what they made of something else goes on', async () => {
  await erase();
  const asked = [
    ['blue', 'first'],
    ['red', 'blue:first'],
    ['red', 'ours'],
    ['green', 'red:ours'],
    ['green', 'third'],
    ['blue', 'green:third'],
    ['blue', 'back'],
  ] as const;
  for (const [team, adapter] of asked)
    for (const operation of [getVersion, listVersionFiles, getVersionManifest])
      await expect(clientOf(team).call(operation, atVersion(adapter)), `${team} ${adapter}`).rejects.toMatchObject(
        gone,
      );
  await expect(clientOf('red').call(listBaseFiles, { params: { base: 'merged' } })).rejects.toMatchObject(gone);
  await expect(clientOf('red').call(getBase, { params: { base: 'merged' } })).rejects.toMatchObject({
    message: expect.not.stringContaining('letters') as string,
  });
  await clientOf('red').call(listVersionFiles, atVersion('free'));
  await clientOf('red').call(listVersionFiles, atVersion('blue:sound'));
});

test('their bytes go, whoever it is shared with by now, and the erasure counts them', async () => {
  await clientOf('blue').call(unshareAdapter, { params: { adapter: 'first', team: 'red' } });
  await erase();
  expect(await left()).toBeGreaterThan(4);
  // jobs that read any of it are stopped before
  for (let round = 0; round < 3; round++) await sweep();
  expect(await left()).toBe(0);
  api.pass(1000 * limits.erasureSettleSeconds);
  await sweep();
  expect(await erasure()).toMatchObject({ state: 'erased', erased: { versions: 4, bases: 1 } });
  expect(await countUnder(blobPrefixes.version('red', made['free']?.id ?? ''))).toBeGreaterThan(0);
  const day = new Date(api.world.now()).toISOString().slice(0, 10);
  const { items } = await clientOf('red').call(listAudit, { query: { day, action: 'version.empty' } });
  expect(items).toMatchObject([{ resource: `adapters/ours/versions/${made['ofRed']?.id}`, keyId: 'platform' }]);
});

test('a job of another team that reads it is cancelled, though nothing was made of it yet', async () => {
  await share('blue', 'first', 'white');
  const body = { kind: 'generate' as const, adapter: 'blue:first', prompts: [{ prompt: 'Hi' }] };
  const shared = sharedInput((await resolveVersion(api.world.table, 'white', 'blue:first', '1')).version.value);
  const parents = [{ adapter: 'blue:first', versionId: shared.versionId, version: 1 }];
  const order = { kind: body.kind, request: body, inputs: { parents }, shared: [shared] };
  const { id } = await submitJob(api.world, api.caller('white'), order);
  await erase();
  await sweep();
  expect((await clientOf('white').call(getJob, { params: { job: id } })).state).toBe('cancelled');
  await expect(clientOf('white').call(createJob, { body })).rejects.toMatchObject({ code: 'no-such-version' });
});

test('what another team publishes just then answers 410, and is found', async () => {
  const lineage = await lineageOf('red', ['blue:first']);
  await erase();
  const late = { adapter: 'late', base: 'tiny', lineage: { origin: 'compose', ...lineage } } as const;
  const { id } = await publishMade(api.world, api.caller('red'), late);
  await expect(clientOf('red').call(getVersion, atVersion('late'))).rejects.toMatchObject(gone);
  for (let round = 0; round < 3; round++) await sweep();
  expect(await countUnder(blobPrefixes.version('red', id))).toBe(0);
});

test('killed at any write it goes on where it was, in every team', async () => {
  await erase();
  api.pass(1000 * limits.erasureSettleSeconds);
  // each try comes one write further than the one before, and dies there
  for (let at = 1; ; at++) {
    const { world, died } = dyingWorld(api.world, at, 'before');
    await sweepErasures(world, { log: () => undefined });
    await expect(clientOf('red').call(getVersion, atVersion('ours'))).rejects.toMatchObject(gone);
    if (died()) continue;
    expect(at).toBeGreaterThan(4);
    break;
  }
  for (let round = 0; round < 2; round++) await sweep();
  expect([await left(), (await erasure()).state]).toEqual([0, 'erased']);
});
