import { limits } from '../../shared/limits.ts';
import type { World } from '../../shared/platform/ports.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import { transactSurely } from '../../shared/records/commit.ts';
import { keys } from '../../shared/records/keys.ts';
import { recountStored } from '../../shared/records/recount-stored.ts';
import { findRecount, recountWrite } from '../../shared/records/recounts.ts';
import { readTeam } from '../../shared/records/teams.ts';

export interface SweepStoredOptions {
  /** What was counted wrong, and what went wrong with one team; the others are looked after all the same. */
  readonly log?: (message: string, error?: unknown) => void;
}

/** Counts the bytes of every team anew, once a day and when it was asked for. Safe at any time and any number of times at once. */
export async function sweepStored(world: World, { log }: SweepStoredOptions = {}): Promise<void> {
  for await (const record of allRecords(world.table, { partition: keys.activeTeams, index: 'index1' })) {
    const { team } = readTeam(record);
    try {
      if (!(await isDue(world, team))) continue;
      const at = new Date(world.now()).toISOString();
      const drift = await recountStored(world, team);
      for (const { of, counted, is } of drift)
        log?.(`${of} of ${team} was counted with ${counted.bytes} + ${counted.reserved} bytes and has ${is.bytes}`);
      await transactSurely(world, [recountWrite(team, { at, drift })]);
    } catch (error) {
      log?.(`the bytes of ${team} could not be counted`, error);
    }
  }
}

async function isDue({ table, now }: Pick<World, 'table' | 'now'>, team: string): Promise<boolean> {
  const at = (await findRecount(table, team))?.at ?? null;
  return at === null || Date.parse(at) + 1000 * limits.recountSeconds <= now();
}
