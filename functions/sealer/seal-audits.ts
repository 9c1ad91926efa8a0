import { limits } from '../../shared/limits.ts';
import { ConditionError, type World } from '../../shared/platform/ports.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import { findAuditHead, headWrite, newAuditHead, sealHour } from '../../shared/records/audit-seals.ts';
import { transactSurely } from '../../shared/records/commit.ts';
import { keys } from '../../shared/records/keys.ts';
import { readTeam } from '../../shared/records/teams.ts';

export interface SealOptions {
  /** What went wrong with one team; the others are looked after all the same. */
  readonly log?: (message: string, error: unknown) => void;
}

/**
 * Seals the audit of every team, hour by hour, up to the last one that is surely over. Safe at any time and any number of times at once:
 * a chain goes on by the revision of its head, so that who is late writes nothing.
 */
export async function sealAudits(world: World, options: SealOptions = {}): Promise<void> {
  for await (const record of allRecords(world.table, { partition: keys.activeTeams, index: 'index1' })) {
    const { team, createdAt } = readTeam(record);
    try {
      await sealTeam(world, team, createdAt);
    } catch (error) {
      // another is at it
      if (!(error instanceof ConditionError)) options.log?.(`the audit of ${team} could not be sealed`, error);
    }
  }
}

async function sealTeam(world: World, team: string, createdAt: string): Promise<void> {
  const found = await findAuditHead(world.table, team);
  let [head, revision] = found
    ? [found.value, found.revision]
    : [newAuditHead(team, hourOf(Date.parse(createdAt) - hourMilliseconds)), undefined];
  let written = head.through;
  const end = world.now() - 1000 * limits.auditSealDelaySeconds;
  for (let looked = 0; looked < limits.auditHoursSealedMax; looked++) {
    const next = Date.parse(`${head.through}:00:00Z`) + hourMilliseconds;
    if (next + hourMilliseconds > end) break;
    const { head: after, sealed } = await sealHour(world, head, revision, hourOf(next));
    head = after;
    if (!sealed) continue;
    written = head.through;
    // a record begins at 1 and counts its writes
    revision = (revision ?? 0) + 1;
  }
  if (written !== head.through) await transactSurely(world, [headWrite(head, revision)]);
}

const hourMilliseconds = 3_600_000;
const hourOf = (at: number): string => new Date(at).toISOString().slice(0, 13);
