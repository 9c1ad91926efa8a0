import { hasEnded } from '../domain/job-states.ts';
import type { HoldingWish } from './holdings.ts';
import { madeIds, type JobRecord } from './jobs.ts';

/**
 * What a change of a job means for the bytes that it may leave: a new one, and one that goes on, reserves them; of one that has ended only
 * those stay that it has left.
 */
export function leftOver(before: JobRecord | undefined, after: JobRecord): HoldingWish[] {
  const { id, leaves, createdBy } = after;
  if (hasEnded(after.state)) return [id, ...madeIds(after)].map((of) => ({ id: of, reserved: 0 }));
  if (!leaves || (before && !hasEnded(before.state))) return [];
  const by = { writer: id, keyId: createdBy };
  return [
    { id, upTo: leaves.traceBytes, ...by },
    ...madeIds(after).map((of, i) => ({ id: of, upTo: leaves.outputBytes[i] ?? 0, ...by })),
  ];
}
