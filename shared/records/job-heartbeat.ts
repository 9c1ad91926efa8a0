import { z } from 'zod';
import { jobSchema, type Job } from '../contract/jobs.ts';
import type { RecordTable, World } from '../platform/ports.ts';
import { fenceCheck, fencedOut, type Fence } from './job-fence.ts';
import { transactSurely } from './commit.ts';
import { keys } from './keys.ts';
import { recordValue, stored } from './stored.ts';

const heartbeatRecord = z.object({
  at: z.string(),
  epoch: z.int(),
  progress: jobSchema.shape.progress,
});
export type Heartbeat = z.output<typeof heartbeatRecord>;

export async function findHeartbeat(table: RecordTable, team: string, jobId: string): Promise<Heartbeat | undefined> {
  const record = await table.get(keys.jobHeartbeat(team, jobId));
  return record && stored(heartbeatRecord, record).value;
}

/**
 * Says that the container lives and how far it is. A record of its own: what others condition on does not change every few seconds.
 * Throws `FencedOutError`.
 */
export async function writeHeartbeat(
  world: Pick<World, 'table' | 'now' | 'randomBytes'>,
  fence: Fence,
  progress: Job['progress'],
): Promise<void> {
  const value: Heartbeat = { at: new Date(world.now()).toISOString(), epoch: fence.epoch, progress };
  const put = { key: keys.jobHeartbeat(fence.team, fence.jobId), value: recordValue(value) };
  try {
    await transactSurely(world, [fenceCheck(fence), { put }]);
  } catch (error) {
    throw fencedOut(error, 0);
  }
}

export function presentHeartbeat(heartbeat: Heartbeat | undefined): Pick<Job, 'progress' | 'heartbeatAt'> {
  return { progress: heartbeat?.progress ?? null, heartbeatAt: heartbeat?.at ?? null };
}
