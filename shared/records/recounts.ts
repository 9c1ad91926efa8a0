import { z } from 'zod';
import type { RecordTable, RecordWrite, World } from '../platform/ports.ts';
import { keys } from './keys.ts';
import { recordValue, stored } from './stored.ts';

const amount = z.object({ bytes: z.int(), reserved: z.int() });
const recountRecord = z.object({
  /** When the bytes of a team were counted anew; null: they are to be. */
  at: z.string().nullable(),
  /** What was counted wrong, as much of it as a record holds. */
  drift: z.array(z.object({ of: z.string(), counted: amount, is: amount })),
});
/** When the bytes of a team were counted anew, and what was found. */
export type Recount = z.output<typeof recountRecord>;

export async function findRecount(table: RecordTable, team: string): Promise<Recount | undefined> {
  const record = await table.get(keys.recount(team));
  return record && stored(recountRecord, record).value;
}

export function recountWrite(team: string, recount: Recount): RecordWrite {
  const drift = recount.drift.slice(0, driftMax);
  return { put: { key: keys.recount(team), value: recordValue({ ...recount, drift }) } };
}

/** Has the next sweep count them. */
export async function askForRecount({ table }: Pick<World, 'table'>, team: string): Promise<void> {
  await table.put({ key: keys.recount(team), value: { at: null, drift: [] } });
}

const driftMax = 100;
