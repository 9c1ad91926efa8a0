import { addStored, nothingStored, type StoredAmount } from '../domain/budget.ts';
import { hasEnded } from '../domain/job-states.ts';
import { UnavailableError } from '../errors.ts';
import { limits } from '../limits.ts';
import { ConditionError, type RecordTable, type World } from '../platform/ports.ts';
import { teamSubject } from './account-subjects.ts';
import { allRecords } from './all-records.ts';
import { thingOfBlob } from './blob-keys.ts';
import { accountWrite, findAccount, readAccount } from './budgets.ts';
import { transactSurely } from './commit.ts';
import { readHolding, type HoldingRecord } from './holdings.ts';
import { findJob } from './jobs.ts';
import { keys } from './keys.ts';
import type { Recount } from './recounts.ts';
import { transactStored } from './transact-stored.ts';
import { readUpload } from './uploads.ts';

/** Bytes that were counted for a thing, or for the team (`team`) or a key, by ids, against those that there are. */
export type Drift = Recount['drift'][number];

type RecountWorld = Pick<World, 'table' | 'blobs' | 'now' | 'randomBytes'>;

/**
 * Counts the bytes of a team anew from the store, and sets right what differs; resolves to that. What is still being written, by an upload
 * that is not settled or a job that has not ended, is left alone. Safe at any time: what changes meanwhile stays for the next time.
 */
export async function recountStored(world: RecountWorld, team: string): Promise<Drift[]> {
  return [...(await recountThings(world, team)), ...(await recountAccounts(world, team))];
}

async function recountThings(world: RecountWorld, team: string): Promise<Drift[]> {
  const held = new Map<string, { readonly value: HoldingRecord; readonly revision: number }>();
  // before the store is looked at: what is held by then is no younger than what is found
  for await (const record of allRecords(world.table, { partition: keys.holding(team, '').partition })) {
    const holding = readHolding(record);
    held.set(holding.value.id, holding);
  }
  const kept = await bytesOfThings(world, team);
  const found: Drift[] = [];
  for (const id of [...new Set([...held.keys(), ...kept.keys()])].toSorted()) {
    const { value, revision } = held.get(id) ?? { value: undefined, revision: 0 };
    const counted = { bytes: value?.bytes ?? 0, reserved: value?.reserved ?? 0 };
    const is = { bytes: kept.get(id) ?? 0, reserved: 0 };
    if (isSame(counted, is) || (await isWritten(world.table, team, value?.writer ?? ''))) continue;
    await transactStored(world, team, [], [{ id, ...is, ifRevision: revision }], { force: true });
    found.push({ of: id, counted, is });
  }
  return found;
}

async function bytesOfThings({ blobs }: Pick<World, 'blobs'>, team: string): Promise<Map<string, number>> {
  const bytes = new Map<string, number>();
  for await (const { key, sizeBytes } of blobs.list(`${team}/`)) {
    const id = thingOfBlob(key);
    if (id !== undefined) bytes.set(id, (bytes.get(id) ?? 0) + sizeBytes);
  }
  return bytes;
}

/** By an upload or a job that is not over. */
async function isWritten(table: RecordTable, team: string, writer: string): Promise<boolean> {
  if (writer === '') return false;
  const upload = await table.get(keys.upload(team, writer));
  if (upload) return !readUpload(upload).value.settled;
  const job = await findJob(table, team, writer);
  return job !== undefined && !hasEnded(job.value.state);
}

/** Accounts against the sums of what is held. */
async function recountAccounts(world: RecountWorld, team: string): Promise<Drift[]> {
  const subjects = new Set([teamSubject]);
  for await (const record of allRecords(world.table, { partition: keys.budget(team, '').partition }))
    subjects.add(readAccount(record, world.now()).subject);
  const found: Drift[] = [];
  for (const subject of subjects) found.push(...(await recountAccount(world, team, subject)));
  return found;
}

async function recountAccount(world: RecountWorld, team: string, subject: string): Promise<Drift[]> {
  for (let attempt = 1; ; attempt++) {
    // first the account: every change of what is held changes it, too
    const { value, revision } = await findAccount(world, team, subject);
    let is: StoredAmount = nothingStored;
    for await (const record of allRecords(world.table, { partition: keys.holding(team, '').partition })) {
      const holding = readHolding(record).value;
      if (subject === teamSubject || holding.keyId === subject) is = addStored(is, holding);
    }
    if (isSame(value.stored, is)) return [];
    try {
      await transactSurely(world, [accountWrite(team, subject, { ...value, stored: is }, revision)]);
      return [{ of: subject, counted: value.stored, is }];
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      if (attempt === limits.budgetAttemptsMax)
        throw new UnavailableError('Too much comes and goes in this team just now: try again.', { cause: error });
    }
  }
}

const isSame = (a: StoredAmount, b: StoredAmount): boolean => a.bytes === b.bytes && a.reserved === b.reserved;
