import { scopes } from '../contract/scopes.ts';
import { z } from 'zod';
import {
  ConditionError,
  type RecordTable,
  type RecordWrite,
  type StoredRecord,
  type World,
} from '../platform/ports.ts';
import { allRecords } from './all-records.ts';
import { apiKeyWrite, makeKeyText, newApiKey } from './api-keys.ts';
import { commit, newId, transactSurely } from './commit.ts';
import { keys } from './keys.ts';

type KeyWorld = Pick<World, 'table' | 'now' | 'randomBytes'>;

/**
 * Makes a team and its first key, which may do everything. Returns the text of the key, which the platform keeps nowhere; undefined when
 * there is such a team already. `keep` gets the text before the key exists: whoever dies in between has a text that opens nothing yet, and
 * is not left with a team that nobody can enter.
 */
export async function createTeam(
  world: KeyWorld,
  team: string,
  keep: (text: string) => Promise<void>,
  keyName = fullKeyName,
): Promise<string | undefined> {
  const known = await world.table.get(keys.team(team));
  if (known) {
    await listTeam(world, known);
    return undefined;
  }
  const write = teamWrite({ team, createdAt: new Date(world.now()).toISOString() });
  const made = makeKeyText(world.randomBytes);
  await keep(made.text);
  try {
    await writeFullKey(world, { team, keyName }, made, 'team.create', [write]);
    return made.text;
  } catch (error) {
    if (error instanceof ConditionError && (await world.table.get(keys.team(team)))) return undefined;
    throw error;
  }
}

const teamRecord = z.object({ team: z.string(), createdAt: z.string() });
export type TeamRecord = z.output<typeof teamRecord>;

export function readTeam({ value }: Pick<StoredRecord, 'value'>): TeamRecord {
  return teamRecord.parse(value);
}

/** A new team, or the one of this revision, in the list of all. */
function teamWrite(value: TeamRecord, revision?: number): RecordWrite {
  return {
    put: { key: keys.team(value.team), value, index1: { partition: keys.activeTeams, sort: value.team } },
    condition: revision === undefined ? { ifAbsent: true } : { ifRevision: revision },
  };
}

/** A team of an earlier release is in no list yet. */
async function listTeam(world: KeyWorld, known: StoredRecord): Promise<void> {
  if (known.index1) return;
  await transactSurely(world, [teamWrite(readTeam(known), known.revision)]).catch((error: unknown) => {
    // another start has done it
    if (!(error instanceof ConditionError)) throw error;
  });
}

/** All teams by name, for whoever runs the platform. */
export async function listTeams(table: RecordTable): Promise<TeamRecord[]> {
  const teams: TeamRecord[] = [];
  for await (const record of allRecords(table, { partition: keys.activeTeams, index: 'index1' }))
    teams.push(readTeam(record));
  return teams;
}

/** One more key that may do everything, for whoever runs the platform and has lost theirs. Returns its text. */
export async function createFullKey(world: KeyWorld, team: string, keyName = fullKeyName): Promise<string> {
  const made = makeKeyText(world.randomBytes);
  await writeFullKey(world, { team, keyName }, made, 'key.create', []);
  return made.text;
}

const fullKeyName = 'full';

async function writeFullKey(
  world: KeyWorld,
  { team, keyName }: { readonly team: string; readonly keyName: string },
  made: Pick<ReturnType<typeof makeKeyText>, 'keyId' | 'secretSha256'>,
  action: string,
  writes: readonly RecordWrite[],
): Promise<void> {
  const { keyId } = made;
  // made where the platform runs, by no other key
  const record = newApiKey(made, { team, name: keyName, role: 'owner', scopes, createdBy: keyId, now: world.now() });
  const caller = { team, keyId, scopes, requestId: newId(world, 'req') };
  await commit(world, caller, { action, resource: `keys/${keyId}` }, [...writes, apiKeyWrite(record)]);
}
