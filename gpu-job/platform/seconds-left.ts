import type { World } from '../../shared/platform/ports.ts';
import type { JobRecord } from '../../shared/records/jobs.ts';

/**
 * Machine time from now on after which a job must save and publish what it has; undefined where it has no allowance. Counts what earlier
 * containers took and what this one has taken since its claim, and keeps a part for the end.
 */
export function secondsLeft(
  { now }: Pick<World, 'now'>,
  { allowance, claimedAt }: Pick<JobRecord, 'allowance' | 'claimedAt'>,
): number | undefined {
  if (!allowance) return undefined;
  const { maxMilliseconds, chargedMilliseconds } = allowance;
  const taken = chargedMilliseconds + (claimedAt === null ? 0 : Math.max(0, now() - Date.parse(claimedAt)));
  const forTheEnd = Math.min(endMillisecondsMax, maxMilliseconds * endShare);
  return (maxMilliseconds - forTheEnd - taken) / 1000;
}

/** Saving, uploading and publishing an adapter take seconds; of a short allowance they take a share. */
const endMillisecondsMax = 60_000;
const endShare = 0.1;
