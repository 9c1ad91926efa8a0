import type { World } from '../../../shared/platform/ports.ts';
import { scopes } from '../../../shared/contract/scopes.ts';
import { adapterWrite, newAdapter } from '../../../shared/records/adapters.ts';
import { apiKeyWrite, makeKeyText, newApiKey } from '../../../shared/records/api-keys.ts';
import type { Caller } from '../../../shared/records/caller.ts';
import { newId } from '../../../shared/records/commit.ts';
import { publishVersion } from '../../../shared/records/publish-version.ts';
import { newVersion, versionWrite } from '../../../shared/records/versions.ts';
import { soundOutcome } from '../../support/version-outcome.ts';

export const clientCount = 50;
/** Two clients publish each. */
const versionCount = clientCount / 2;
/** Five clients make the same key, and revoke the same. */
export const keyCount = clientCount / 5;

/** What the clients of a race share. */
export interface RaceFacts {
  /** Texts of their keys, one each. */
  readonly clientKeys: readonly string[];
  /** Of one that all of them have. */
  readonly sharedKey: string;
  /** Of versions that are validated and wait for their numbers. */
  readonly waiting: readonly string[];
  /** Ids of keys that are to be revoked. */
  readonly doomed: readonly string[];
  /** Texts of keys that are rotated, each by five clients at once. */
  readonly rotated: readonly string[];
}

export const team = 'blue';
/** Gets its versions in the race. */
export const publishedAdapter = 'published';
/** Has a version for each client, to which that client alone moves the alias. */
export const promotedAdapter = 'promoted';

export const platformCaller = (world: World, keyId = 'platform'): Caller => ({
  team,
  keyId,
  scopes: [],
  requestId: newId(world, 'val'),
});

export async function prepareRace(world: World): Promise<RaceFacts> {
  const clientKeys: string[] = [];
  for (let client = 0; client < clientCount; client++) clientKeys.push((await makeKey(world)).text);
  const doomed: string[] = [];
  for (let at = 0; at < keyCount; at++) doomed.push((await makeKey(world)).keyId);
  const rotated: string[] = [];
  for (let at = 0; at < keyCount; at++) rotated.push((await makeKey(world)).text);
  const { text: sharedKey } = await makeKey(world);
  const waiting = await makeVersions(world, publishedAdapter, versionCount, ['candidate']);
  for (const id of await makeVersions(world, promotedAdapter, clientCount, []))
    await publishVersion(world, platformCaller(world), id, soundOutcome);
  return { clientKeys, sharedKey, waiting, doomed, rotated };
}

async function makeKey(world: World): Promise<ReturnType<typeof makeKeyText>> {
  const made = makeKeyText((count) => world.randomBytes(count));
  const record = newApiKey(made, { team, name: 'race', scopes, createdBy: made.keyId, now: world.now() });
  await world.table.transact([apiKeyWrite(record)], { token: newId(world, 'tok') });
  return made;
}

/** Without files: nobody reads them here. */
async function makeVersions(world: World, name: string, count: number, promote: readonly string[]): Promise<string[]> {
  const caller = platformCaller(world);
  const adapter = newAdapter(world, caller, { name, base: 'tiny', description: '', tags: [] });
  const versions = Array.from({ length: count }, () =>
    newVersion(world, caller, adapter, {
      state: 'validating',
      files: [],
      lineage: { origin: 'upload' },
      notes: '',
      promote: [...promote],
    }),
  );
  await world.table.transact([adapterWrite(adapter), ...versions.map((version) => versionWrite(version))], {
    token: newId(world, 'tok'),
  });
  return versions.map(({ id }) => id);
}
