import type { World } from '../../../shared/platform/ports.ts';
import { allRecords } from '../../../shared/records/all-records.ts';
import { keys } from '../../../shared/records/keys.ts';
import { purgeChange, readPurge } from '../../../shared/records/purges.ts';
import { readUpload, uploadWrite } from '../../../shared/records/uploads.ts';
import { newId } from '../../../shared/records/commit.ts';

/** Has everything that is to go some day be due now; how many things that are. */
export async function makePurgesDue(world: World): Promise<number> {
  const dueAt = new Date(world.now() - 1000).toISOString();
  let count = 0;
  for await (const record of allRecords(world.table, { partition: keys.activePurges, index: 'index1' })) {
    const { value, revision } = readPurge(record);
    await world.table.transact([purgeChange({ ...value, dueAt }, revision)], { token: newId(world, 'tok') });
    count += 1;
  }
  return count;
}

/** Has an open upload expire now. */
export async function expireUpload(world: World, team: string, uploadId: string): Promise<void> {
  const record = await world.table.get(keys.upload(team, uploadId));
  if (!record) throw new Error(`there is no upload ${uploadId}`);
  const { value, revision } = readUpload(record);
  const write = uploadWrite({ ...value, expiresAt: new Date(world.now() - 1000).toISOString() }, revision);
  await world.table.transact([write], { token: newId(world, 'tok') });
}
