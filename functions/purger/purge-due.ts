import { limits } from '../../shared/limits.ts';
import { ConditionError, type World } from '../../shared/platform/ports.ts';
import { newId } from '../../shared/records/commit.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { keys } from '../../shared/records/keys.ts';
import { findPurge, purgeChange, type PurgeRecord } from '../../shared/records/purges.ts';
import type { Stored } from '../../shared/records/stored.ts';
import { isInUse } from './is-in-use.ts';
import { purgeAdapter } from './purge-adapter.ts';
import { purgeContent } from './purge-content.ts';
import { purgeJob } from './purge-job.ts';

/**
 * Lets one thing go, if it is due and nobody uses it. Its order is the same for everything: what leads to the bytes goes first and by a
 * conditional write, then the bytes, then the note that says so.
 */
export async function purgeDue(world: World, team: string, id: string): Promise<void> {
  const purge = await findPurge(world.table, team, id);
  if (!purge || Date.parse(purge.value.dueAt) > world.now()) return;
  try {
    const inUse = await isInUse(world, purge.value);
    // what was in use is only let go at a second look: a list may lag behind at the first one
    if (inUse || purge.value.held) return await postpone(world, purge, inUse);
    await purgeOf[purge.value.kind](world, callerOf(world, purge.value), purge);
    await forget(world, purge.value);
  } catch (error) {
    // resumed, deleted or purged meanwhile: the next look tells
    if (!(error instanceof ConditionError)) throw error;
  }
}

/** Throws `ConditionError` when what it rests on has changed. */
type Purge = (world: World, caller: Caller, purge: Stored<PurgeRecord>) => Promise<void>;

const purgeOf: Readonly<Record<PurgeRecord['kind'], Purge>> = {
  adapter: purgeAdapter,
  version: purgeContent,
  dataset: purgeContent,
  base: purgeContent,
  job: purgeJob,
};

async function postpone(world: World, { value, revision }: Stored<PurgeRecord>, held: boolean): Promise<void> {
  const dueAt = new Date(world.now() + 1000 * limits.purgeHeldSeconds).toISOString();
  const { put, condition } = purgeChange({ ...value, held, dueAt }, revision);
  await world.table.put(put, condition);
}

/** Unless it says something else by now: what was rejected may have been deleted meanwhile, and a job have gone on and ended again. */
async function forget({ table }: World, { team, id, why, dueAt }: PurgeRecord): Promise<void> {
  const now = await findPurge(table, team, id);
  if (now?.value.why === why && now.value.dueAt === dueAt)
    await table.delete(keys.purge(team, id), { ifRevision: now.revision });
}

function callerOf(world: World, { team }: PurgeRecord): Caller {
  return { team, keyId: 'platform', scopes: [], requestId: newId(world, 'prg') };
}
