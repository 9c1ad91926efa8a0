import { ConditionError, type World } from '../../shared/platform/ports.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import { readErasure } from '../../shared/records/erasures.ts';
import { keys } from '../../shared/records/keys.ts';
import { eraseDescendants } from './erase-descendants.ts';
import type { SweepPurgesOptions } from './sweep-purges.ts';

/**
 * Lets the bytes of everything go that descends from a dataset that is erased. Safe at any time and any number of times at once; whoever
 * dies in between leaves the erasure as it is, and the next one goes over all of it again.
 */
export async function sweepErasures(world: World, options: SweepPurgesOptions = {}): Promise<void> {
  for await (const record of allRecords(world.table, { partition: keys.activeErasures, index: 'index1' })) {
    const { team, id } = readErasure(record).value;
    try {
      await eraseDescendants(world, team, id);
    } catch (error) {
      // changed meanwhile: the next look tells
      if (!(error instanceof ConditionError)) options.log?.(`what descends from ${id} could not be erased`, error);
    }
  }
}
