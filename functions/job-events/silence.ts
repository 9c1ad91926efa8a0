import { z } from 'zod';
import { limits } from '../../shared/limits.ts';
import type { World } from '../../shared/platform/ports.ts';
import { findHeartbeat } from '../../shared/records/job-heartbeat.ts';
import type { JobRecord } from '../../shared/records/jobs.ts';
import { keys } from '../../shared/records/keys.ts';
import { stored } from '../../shared/records/stored.ts';

const silenceRecord = z.object({
  /** The run, and the last sign of life when it was first found silent. */
  runId: z.string(),
  lastSign: z.string(),
  since: z.string(),
});

/**
 * Whether a container that should live is to be given up: it was silent for long, and is so at a second look some time later. After a machine
 * slept, everyone seems to have been silent; those that live have spoken by then. One that never spoke has the same long time from the
 * first look.
 */
export async function isSilent(world: Pick<World, 'table' | 'now'>, job: JobRecord): Promise<boolean> {
  const heartbeat = await findHeartbeat(world.table, job.team, job.id);
  const claimed = job.state !== 'queued';
  const beat = claimed ? (heartbeat?.at ?? job.startedAt ?? job.createdAt) : '';
  const now = world.now();
  if (claimed && now - Date.parse(beat) <= limits.jobSilentSeconds * 1000) return false;
  const key = keys.jobSilence(job.team, job.id);
  const record = await world.table.get(key);
  const known = record && stored(silenceRecord, record).value;
  if (known?.runId === job.runId && known.lastSign === beat) {
    const waitSeconds = claimed ? limits.jobSilentTwiceSeconds : limits.jobSilentSeconds;
    return now - Date.parse(known.since) >= waitSeconds * 1000;
  }
  await world.table.put({ key, value: { runId: job.runId, lastSign: beat, since: new Date(now).toISOString() } });
  return false;
}
