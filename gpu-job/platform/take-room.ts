import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { World } from '../../shared/platform/ports.ts';
import { emptied, type HoldingWish } from '../../shared/records/holdings.ts';
import { fenceCheck, fencedOut, type Fence } from '../../shared/records/job-fence.ts';
import type { JobRecord } from '../../shared/records/jobs.ts';
import { transactStored } from '../../shared/records/transact-stored.ts';

type RoomWorld = Pick<World, 'table' | 'now' | 'randomBytes'>;

/**
 * Counts files before they are stored, so that no moment and no death finds more in the store than is counted; nothing is stored where a
 * limit does not take them. Throws `DomainError('storage-exceeded')` and `FencedOutError`.
 */
export async function takeRoom(
  world: RoomWorld,
  fence: Fence,
  { id: writer, createdBy: keyId }: Pick<JobRecord, 'id' | 'createdBy'>,
  wish: Pick<HoldingWish, 'id' | 'bytes' | 'reserved' | 'upTo'>,
): Promise<void> {
  await hold(world, fence, { ...wish, writer, keyId });
}

/** Of this thing nothing is kept any more. Throws `FencedOutError`. */
export async function giveRoomBack(world: RoomWorld, fence: Fence, id: string): Promise<void> {
  await hold(world, fence, emptied(id));
}

async function hold(world: RoomWorld, fence: Fence, wish: HoldingWish): Promise<void> {
  try {
    await transactStored(world, fence.team, [fenceCheck(fence)], [wish]);
  } catch (error) {
    throw fencedOut(error, 0);
  }
}

export async function bytesOfFiles(folder: string, paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(paths.map(async (path) => (await stat(join(folder, path))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
