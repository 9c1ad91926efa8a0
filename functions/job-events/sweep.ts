import type { World } from '../../shared/platform/ports.ts';
import { keys } from '../../shared/records/keys.ts';
import { readJob } from '../../shared/records/jobs.ts';
import { sweepJob } from './sweep-job.ts';
import { sweepRuns } from './sweep-runs.ts';
import { sweepWork } from './sweep-work.ts';

export interface SweepOptions {
  /** Folder in which containers of this machine work; what ended jobs have left in it goes. */
  readonly work?: string;
  /** What went wrong with one job; the others are looked after all the same. */
  readonly log?: (message: string, error: unknown) => void;
}

/**
 * Compares jobs with what the runner and the heartbeats say, and brings both together: submissions that were lost, containers that died,
 * wishes that did not arrive, runs that nobody waits for. Safe at any time and any number of times at once: it writes nothing but
 * conditional steps. Called often enough, no job stays where it is for ever.
 */
export async function sweep(world: World, options: SweepOptions = {}): Promise<void> {
  const careful = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      options.log?.(`${what} could not be looked after`, error);
    }
  };
  for (let after: string | undefined; ;) {
    const query = { partition: keys.activeJobs, index: 'index2', limit: 100 } as const;
    const page = await world.table.query(after === undefined ? query : { ...query, after });
    for (const record of page.records) {
      const { id, team } = readJob(record).value;
      await careful(`the job ${id}`, () => sweepJob(world, team, id));
    }
    if (page.next === undefined) break;
    after = page.next;
  }
  await careful('the runs', () => sweepRuns(world));
  const { work } = options;
  if (work !== undefined) await careful('the work folders', () => sweepWork(world, work));
}
