import { scopes } from '../contract/scopes.ts';
import { ConditionError, type RecordWrite, type World } from '../platform/ports.ts';
import { apiKeyWrite, makeKeyText, type ApiKeyRecord } from './api-keys.ts';
import { commit, newId } from './commit.ts';
import { keys } from './keys.ts';

type KeyWorld = Pick<World, 'table' | 'now' | 'randomBytes'>;

/**
 * Makes a team and its first key, which may do everything. Returns the text of the key, which is kept nowhere; undefined when there is
 * such a team already.
 */
export async function createTeam(world: KeyWorld, team: string): Promise<string | undefined> {
  const write: RecordWrite = {
    put: { key: keys.team(team), value: { team, createdAt: new Date(world.now()).toISOString() } },
    condition: { ifAbsent: true },
  };
  try {
    return await makeFullKey(world, team, 'team.create', [write]);
  } catch (error) {
    if (error instanceof ConditionError && (await world.table.get(keys.team(team)))) return undefined;
    throw error;
  }
}

/** One more key that may do everything, for whoever runs the platform and has lost theirs. Returns its text. */
export async function createFullKey(world: KeyWorld, team: string): Promise<string> {
  return makeFullKey(world, team, 'key.create', []);
}

async function makeFullKey(
  world: KeyWorld,
  team: string,
  action: string,
  writes: readonly RecordWrite[],
): Promise<string> {
  const { keyId, secretSha256, text } = makeKeyText(world.randomBytes);
  const record: ApiKeyRecord = {
    id: keyId,
    team,
    name: 'full',
    scopes: [...scopes],
    secretSha256,
    createdAt: new Date(world.now()).toISOString(),
    // made where the platform runs, by no other key
    createdBy: keyId,
    expiresAt: null,
    revokedAt: null,
  };
  const caller = { team, keyId, scopes, requestId: newId(world, 'req') };
  await commit(world, caller, { action, resource: `keys/${keyId}` }, [...writes, apiKeyWrite(record)]);
  return text;
}
