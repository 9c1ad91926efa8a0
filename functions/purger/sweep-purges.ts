import type { World } from '../../shared/platform/ports.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import { keys } from '../../shared/records/keys.ts';
import { readPurge } from '../../shared/records/purges.ts';
import { purgeDue } from './purge-due.ts';

export interface SweepPurgesOptions {
  /** What went wrong with one thing; the others are looked after all the same. */
  readonly log?: (message: string, error: unknown) => void;
}

/**
 * Lets go what is due: the oldest first, and none that is not due is looked at. Safe at any time and any number of times at once; whoever
 * dies in between leaves the note of it, with which the next one goes on.
 */
export async function sweepPurges(world: World, options: SweepPurgesOptions = {}): Promise<void> {
  const now = world.now();
  for await (const record of allRecords(world.table, { partition: keys.activePurges, index: 'index1' })) {
    const { id, team, dueAt } = readPurge(record).value;
    if (Date.parse(dueAt) > now) return;
    try {
      await purgeDue(world, team, id);
    } catch (error) {
      options.log?.(`${id} could not be purged`, error);
    }
  }
}
