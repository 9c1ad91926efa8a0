import { z } from 'zod';
import { auditSealSchema, type AuditSeal } from '../contract/audit.ts';
import type { RecordTable, RecordWrite, StoredRecord, World } from '../platform/ports.ts';
import { AuditDigest, auditSealFormat, sealBytes } from '../signing/audit-digest.ts';
import { allRecords } from './all-records.ts';
import { transactSurely } from './commit.ts';
import { auditPartition, keys } from './keys.ts';
import { signatureOf } from './signature-of.ts';
import { recordValue, stored, type Stored } from './stored.ts';

const headRecord = z.object({
  team: z.string(),
  /** Of the newest seal; 0: there is none. */
  number: z.int(),
  hash: z.string().nullable(),
  /** Every hour up to this one has been looked at. */
  through: z.string(),
});
/** How far the audit of a team is sealed. */
export type AuditHead = z.output<typeof headRecord>;

export async function findAuditHead(table: RecordTable, team: string): Promise<Stored<AuditHead> | undefined> {
  const record = await table.get(keys.auditHead(team));
  return record && stored(headRecord, record);
}

export function readAuditSeal({ value }: Pick<StoredRecord, 'value'>): AuditSeal {
  return auditSealSchema.parse(value);
}

/** The head of a team before its first hour was looked at. */
export function newAuditHead(team: string, through: string): AuditHead {
  return { team, number: 0, hash: null, through };
}

/** Notes that an hour without rows was looked at. */
export function headWrite(head: AuditHead, revision: number | undefined): RecordWrite {
  return {
    put: { key: keys.auditHead(head.team), value: recordValue(head) },
    condition: revision === undefined ? { ifAbsent: true } : { ifRevision: revision },
  };
}

/**
 * Seals the hour of a team after the head, if it has rows. Whoever seals at the same time loses by the head's revision and throws
 * `ConditionError`: the chain has one end. Returns the new head, not yet written where there was nothing to seal.
 */
export async function sealHour(
  world: Pick<World, 'table' | 'now' | 'randomBytes' | 'signer'>,
  head: AuditHead,
  revision: number | undefined,
  hour: string,
): Promise<{ readonly head: AuditHead; readonly sealed: boolean }> {
  const { team } = head;
  const digest = new AuditDigest();
  for await (const { value } of allRecords(world.table, { partition: auditPartition(team, hour) })) digest.add(value);
  if (digest.rows === 0) return { head: { ...head, through: hour }, sealed: false };
  const statement: AuditSeal['statement'] = {
    format: auditSealFormat,
    team,
    number: head.number + 1,
    hour,
    rows: digest.rows,
    digest: digest.digest(),
    previous: head.hash,
    sealedAt: new Date(world.now()).toISOString(),
  };
  const { bytes, hash } = sealBytes(statement);
  const seal: AuditSeal = { statement, signature: (await signatureOf(world.signer, bytes))?.signature ?? null };
  const after: AuditHead = { team, number: statement.number, hash, through: hour };
  await transactSurely(world, [
    { put: { key: keys.auditSeal(team, statement.number), value: recordValue(seal) }, condition: { ifAbsent: true } },
    headWrite(after, revision),
  ]);
  return { head: after, sealed: true };
}
