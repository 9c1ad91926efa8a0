import { z } from 'zod';
import type { Budget } from '../contract/budgets.ts';
import {
  changeAccount,
  changeOfJob,
  changeStored,
  inMonth,
  isNothing,
  monthOf,
  newAccount,
  refusals,
  storedRefusals,
  sumChanges,
  type Account,
  type AccountChange,
  type StoredAmount,
} from '../domain/budget.ts';
import { hasEnded } from '../domain/job-states.ts';
import { DomainError, type Finding } from '../errors.ts';
import type { RecordWrite, StoredRecord, World } from '../platform/ports.ts';
import { teamSubject } from './account-subjects.ts';
import { planHoldings, type HoldingWish } from './holdings.ts';
import type { JobRecord } from './jobs.ts';
import { keys } from './keys.ts';
import { leftOver } from './left-by-job.ts';
import { recordValue, stored } from './stored.ts';

const amount = z.object({ microDollars: z.int(), milliseconds: z.int() });
const budgetRecord = z.object({
  limits: z.object({
    microDollars: z.int().nullable(),
    milliseconds: z.int().nullable(),
    jobs: z.int().nullable(),
    requestsPerSecond: z.number().nullable().default(null),
    storedBytes: z.int().nullable().default(null),
  }),
  month: z.string(),
  used: amount,
  reserved: amount.extend({ jobs: z.int() }),
  stored: z.object({ bytes: z.int(), reserved: z.int() }).default({ bytes: 0, reserved: 0 }),
});

/** An account, and the revision that a change of it must name; 0 where there is no record yet. */
export interface StoredAccount {
  readonly value: Account;
  readonly revision: number;
}

/** The account of a team or a key as it stands now. */
export async function findAccount(
  world: Pick<World, 'table' | 'now'>,
  team: string,
  subject: string,
): Promise<StoredAccount> {
  const month = monthOf(world.now());
  const record = await world.table.get(keys.budget(team, subject));
  if (!record) return { value: newAccount(month), revision: 0 };
  const { value, revision } = stored(budgetRecord, record);
  return { value: inMonth(value, month), revision };
}

/** The account of a record, and whose it is. */
export function readAccount(record: StoredRecord, now: number): { readonly subject: string; readonly value: Account } {
  return { subject: record.key.sort, value: inMonth(stored(budgetRecord, record).value, monthOf(now)) };
}

export function accountWrite(team: string, subject: string, value: Account, revision: number): RecordWrite {
  return {
    put: { key: keys.budget(team, subject), value: recordValue(value) },
    condition: revision === 0 ? { ifAbsent: true } : { ifRevision: revision },
  };
}

/**
 * What a change of a job means for the budgets of its team and of the key that made it, for the transaction of that change: a new job
 * reserves what it may take and what it may leave, what its container took counts as used, and one that has ended gives back the rest.
 * Whoever loses a race for an account decides again. Throws `DomainError('budget-exceeded' | 'too-many-jobs' | 'storage-exceeded')` where a
 * limit does not take a reservation.
 */
export async function accountWrites(
  world: Pick<World, 'table' | 'now'>,
  before: JobRecord | undefined,
  after: JobRecord,
): Promise<RecordWrite[]> {
  const { team, createdBy, allowance } = after;
  const own = allowance ? changeOfJob(accountOf(before), { allowance, ended: hasEnded(after.state) }) : undefined;
  const work = own && !before ? sumChanges([own, ...trialChanges(after)]) : own;
  const { writes, changes } = await planHoldings(world, team, leftOver(before, after));
  const subjects = new Map<string, SubjectChange>([...changes].map(([subject, stored]) => [subject, { stored }]));
  if (work && !isNothing(work))
    for (const subject of [teamSubject, createdBy]) subjects.set(subject, { ...subjects.get(subject), work });
  return [...writes, ...(await changeAccounts(world, team, subjects))];
}

/**
 * What things are to hold from now on, with what that means for the team and its keys. Throws `DomainError('storage-exceeded')`, unless the
 * bytes are there whatever a limit says (`force`).
 */
export async function storedWrites(
  world: Pick<World, 'table' | 'now'>,
  team: string,
  wishes: readonly HoldingWish[],
  { force = false }: { readonly force?: boolean } = {},
): Promise<RecordWrite[]> {
  const { writes, changes } = await planHoldings(world, team, wishes);
  const subjects = new Map([...changes].map(([subject, stored]) => [subject, { stored }] as const));
  return [...writes, ...(await changeAccounts(world, team, subjects, force))];
}

interface SubjectChange {
  readonly work?: AccountChange;
  readonly stored?: StoredAmount;
}

/** Throws `DomainError` with everything that stands against it in any of the accounts. */
async function changeAccounts(
  world: Pick<World, 'table' | 'now'>,
  team: string,
  changes: ReadonlyMap<string, SubjectChange>,
  force = false,
): Promise<RecordWrite[]> {
  const writes: RecordWrite[] = [];
  const found: Finding[] = [];
  for (const [subject, { work, stored: bytes }] of changes) {
    const changesBytes = bytes !== undefined && (bytes.bytes !== 0 || bytes.reserved !== 0);
    if (!work && !changesBytes) continue;
    const { value, revision } = await findAccount(world, team, subject);
    const whose = subject === teamSubject ? "The team's" : "The key's";
    if (work && work.reserved.jobs > 0) found.push(...refusals(value, work, whose));
    if (changesBytes) found.push(...storedRefusals(value, bytes, whose));
    const worked = work ? changeAccount(value, work) : value;
    writes.push(accountWrite(team, subject, changesBytes ? changeStored(worked, bytes) : worked, revision));
  }
  const [first] = found;
  if (!first || force) return writes;
  const isOneKind = found.every(({ code }) => code === first.code);
  const text = `${found.map(({ message }) => message).join('. ')}.`;
  throw new DomainError(isOneKind ? first.code : 'budget-exceeded', text, { findings: found });
}

/** As callers see it. */
export function presentBudget(subject: string, { limits, month, used, reserved, stored: kept }: Account): Budget {
  return {
    subject,
    month,
    limits: {
      dollars: limits.microDollars === null ? null : limits.microDollars / 1e6,
      machineHours: limits.milliseconds === null ? null : limits.milliseconds / 3_600_000,
      jobs: limits.jobs,
      requestsPerSecond: limits.requestsPerSecond,
      storedBytes: limits.storedBytes,
    },
    used: {
      dollars: used.microDollars / 1e6,
      machineHours: used.milliseconds / 3_600_000,
      storedBytes: kept.bytes,
    },
    reserved: {
      dollars: reserved.microDollars / 1e6,
      machineHours: reserved.milliseconds / 3_600_000,
      jobs: reserved.jobs,
      storedBytes: kept.reserved,
    },
  };
}

/** A sweep reserves what its trials may take, too: they are made of that, and settle with the accounts themselves. */
function trialChanges({ trials }: JobRecord): AccountChange[] {
  if (!trials) return [];
  return trials.jobs.map(() => changeOfJob(undefined, { allowance: trials.allowance, ended: false }));
}

const accountOf = (job: JobRecord | undefined) =>
  job?.allowance ? { allowance: job.allowance, ended: hasEnded(job.state) } : undefined;
