import type { World } from '../../../shared/platform/ports.ts';
import { allRecords } from '../../../shared/records/all-records.ts';
import { auditWrite } from '../../../shared/records/audit.ts';
import { findAuditHead, headWrite, newAuditHead } from '../../../shared/records/audit-seals.ts';
import type { Caller } from '../../../shared/records/caller.ts';
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

/** Has the audit of a team hold a row in an hour that is over and not sealed yet. */
export async function makeSealDue(world: World, caller: Caller): Promise<void> {
  const { team } = caller;
  const hourOf = (hoursAgo: number): string => new Date(world.now() - 3_600_000 * hoursAgo).toISOString().slice(0, 13);
  const before = { ...world, now: () => world.now() - 2 * 3_600_000 };
  const row = auditWrite(before, caller, { action: 'adapter.create', resource: 'adapters/early' });
  const head = await findAuditHead(world.table, team);
  const through = headWrite(newAuditHead(team, hourOf(3)), head?.revision);
  await world.table.transact([row, through], { token: newId(world, 'tok') });
}

/** Has an open upload expire now. */
export async function expireUpload(world: World, team: string, uploadId: string): Promise<void> {
  const record = await world.table.get(keys.upload(team, uploadId));
  if (!record) throw new Error(`there is no upload ${uploadId}`);
  const { value, revision } = readUpload(record);
  const write = uploadWrite({ ...value, expiresAt: new Date(world.now() - 1000).toISOString() }, revision);
  await world.table.transact([write], { token: newId(world, 'tok') });
}
