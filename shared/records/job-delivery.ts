import { z } from 'zod';
import { findingField } from '../contract/fields.ts';
import type { Finding } from '../errors.ts';
import type { RecordTable, World } from '../platform/ports.ts';
import { transactSurely } from './commit.ts';
import { fenceCheck, fencedOut, type Fence } from './job-fence.ts';
import { keys } from './keys.ts';
import { blobRefSchema, storedFileSchema } from './stored-file.ts';
import { recordValue, stored } from './stored.ts';

const deliveryRecord = z.object({
  report: blobRefSchema,
  /** Of the adapter, base or export; none where the report is all. */
  files: z.array(storedFileSchema),
  /** What the validator said of an adapter, as a `VersionOutcome`. */
  outcome: blobRefSchema.nullable(),
  /** Of several adapters, in the order of the request. */
  tasks: z.array(z.object({ files: z.array(storedFileSchema), outcome: blobRefSchema })).default([]),
  /** Warnings of the job. */
  findings: z.array(findingField),
});

/**
 * What a job has made and where its bytes are. From here on nothing is computed again: a container that takes over only publishes it.
 */
export type Delivery = z.output<typeof deliveryRecord>;

export async function findDelivery(table: RecordTable, team: string, jobId: string): Promise<Delivery | undefined> {
  const record = await table.get(keys.jobDelivery(team, jobId));
  return record && stored(deliveryRecord, record).value;
}

/** Throws `FencedOutError`. */
export async function writeDelivery(
  world: Pick<World, 'table' | 'randomBytes'>,
  fence: Fence,
  delivery: Omit<Delivery, 'findings'> & { readonly findings: readonly Finding[] },
): Promise<void> {
  const put = { key: keys.jobDelivery(fence.team, fence.jobId), value: recordValue(delivery) };
  try {
    await transactSurely(world, [fenceCheck(fence), { put }]);
  } catch (error) {
    throw fencedOut(error, 0);
  }
}
