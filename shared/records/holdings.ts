import { z } from 'zod';
import { addStored, nothingStored, type StoredAmount } from '../domain/budget.ts';
import type { RecordTable, RecordWrite, StoredRecord, World } from '../platform/ports.ts';
import { teamSubject } from './account-subjects.ts';
import { keys } from './keys.ts';
import { recordValue, stored, type Stored } from './stored.ts';

const holdingRecord = z.object({
  /** Of the version, dataset or base whose files they are, or of the job that left them. */
  id: z.string(),
  team: z.string(),
  /** Of the key that they count for beside the team; empty: for the team alone. */
  keyId: z.string(),
  /** The upload or the job that may still write them; empty: nobody knows of one. */
  writer: z.string(),
  bytes: z.int(),
  reserved: z.int(),
});
/** Bytes of one thing: those that are kept, and those that may still come. */
export type HoldingRecord = z.output<typeof holdingRecord>;

/** What a thing is to hold from now on; what is absent stays. A thing that holds nothing has no record. */
export interface HoldingWish extends Partial<Omit<HoldingRecord, 'team'>> {
  readonly id: string;
  /** So many together: what is not kept of them may still come. */
  readonly upTo?: number;
  /** It stays as it is where it has another revision by now; 0: where it has come to be. */
  readonly ifRevision?: number;
}

/** A thing of which nothing is left. */
export const emptied = (id: string): HoldingWish => ({ id, bytes: 0, reserved: 0 });

export async function findHolding(
  table: RecordTable,
  team: string,
  id: string,
): Promise<Stored<HoldingRecord> | undefined> {
  const record = await table.get(keys.holding(team, id));
  return record && readHolding(record);
}

export function readHolding(record: StoredRecord): Stored<HoldingRecord> {
  return stored(holdingRecord, record);
}

export interface HoldingPlan {
  readonly writes: readonly RecordWrite[];
  /** What changes for the team and for keys. */
  readonly changes: ReadonlyMap<string, StoredAmount>;
}

/** What is written of things for what they are to hold, and what that means for accounts. */
export async function planHoldings(
  { table, now }: Pick<World, 'table' | 'now'>,
  team: string,
  wishes: readonly HoldingWish[],
): Promise<HoldingPlan> {
  const writes: RecordWrite[] = [];
  const changes = new Map<string, StoredAmount>();
  for (const { ifRevision, upTo, ...wish } of wishes) {
    const found = await findHolding(table, team, wish.id);
    const { value: before, revision } = found ?? { value: unheld(team, wish.id), revision: 0 };
    if (ifRevision !== undefined && ifRevision !== revision) continue;
    const wished = { ...before, ...wish, ...(found ? { keyId: before.keyId } : {}) };
    const after = upTo === undefined ? wished : { ...wished, reserved: Math.max(0, upTo - wished.bytes) };
    if (revision === 0 ? isEmpty(after) : isSame(before, after)) continue;
    writes.push(holdingWrite(after, revision, now()));
    const change = { bytes: after.bytes - before.bytes, reserved: after.reserved - before.reserved };
    for (const subject of after.keyId === '' ? [teamSubject] : [teamSubject, after.keyId])
      changes.set(subject, addStored(changes.get(subject) ?? nothingStored, change));
  }
  return { writes, changes };
}

/** What holds nothing has expired: whoever may write records need not have the right to delete them. */
function holdingWrite(value: HoldingRecord, revision: number, now: number): RecordWrite {
  const expiry = isEmpty(value) ? { expiresAt: Math.floor(now / 1000) } : {};
  return {
    put: { key: keys.holding(value.team, value.id), value: recordValue(value), ...expiry },
    condition: revision === 0 ? { ifAbsent: true } : { ifRevision: revision },
  };
}

const unheld = (team: string, id: string): HoldingRecord => ({
  id,
  team,
  keyId: '',
  writer: '',
  bytes: 0,
  reserved: 0,
});

const isEmpty = ({ bytes, reserved }: HoldingRecord): boolean => bytes === 0 && reserved === 0;

const isSame = (a: HoldingRecord, b: HoldingRecord): boolean =>
  a.bytes === b.bytes && a.reserved === b.reserved && a.writer === b.writer;
