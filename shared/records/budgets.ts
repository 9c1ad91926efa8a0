import { z } from 'zod';
import type { Budget } from '../contract/budgets.ts';
import {
  changeAccount,
  changeOfJob,
  inMonth,
  isNothing,
  monthOf,
  newAccount,
  refusals,
  type Account,
} from '../domain/budget.ts';
import { hasEnded } from '../domain/job-states.ts';
import { DomainError } from '../errors.ts';
import type { RecordWrite, StoredRecord, World } from '../platform/ports.ts';
import type { JobRecord } from './jobs.ts';
import { keys } from './keys.ts';
import { recordValue, stored } from './stored.ts';

/** Whose budget it is: that of the whole team, or of one of its keys. */
export const teamSubject = 'team';

const amount = z.object({ microDollars: z.int(), milliseconds: z.int() });
const budgetRecord = z.object({
  limits: z.object({
    microDollars: z.int().nullable(),
    milliseconds: z.int().nullable(),
    jobs: z.int().nullable(),
    requestsPerSecond: z.number().nullable().default(null),
  }),
  month: z.string(),
  used: amount,
  reserved: amount.extend({ jobs: z.int() }),
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
 * reserves what it may take, what its container took counts as used, and one that has ended gives back the rest. Whoever loses a race for
 * an account decides again. Throws `DomainError('budget-exceeded' | 'too-many-jobs')` where a limit does not take a reservation.
 */
export async function accountWrites(
  world: Pick<World, 'table' | 'now'>,
  before: JobRecord | undefined,
  after: JobRecord,
): Promise<RecordWrite[]> {
  if (!after.allowance) return [];
  const change = changeOfJob(accountOf(before), { allowance: after.allowance, ended: hasEnded(after.state) });
  if (isNothing(change)) return [];
  const { team, createdBy } = after;
  const accounts = await Promise.all(
    [teamSubject, createdBy].map(async (subject) => ({ subject, ...(await findAccount(world, team, subject)) })),
  );
  if (change.reserved.jobs > 0) {
    const found = accounts.flatMap(({ subject, value }) =>
      refusals(value, change, subject === teamSubject ? "The team's" : "The key's"),
    );
    const [first] = found;
    if (first) {
      const code = found.every((finding) => finding.code === 'too-many-jobs') ? 'too-many-jobs' : 'budget-exceeded';
      throw new DomainError(code, `${found.map(({ message }) => message).join('. ')}.`, { findings: found });
    }
  }
  return accounts.map(({ subject, value, revision }) =>
    accountWrite(team, subject, changeAccount(value, change), revision),
  );
}

/** As callers see it. */
export function presentBudget(subject: string, { limits, month, used, reserved }: Account): Budget {
  return {
    subject,
    month,
    limits: {
      dollars: limits.microDollars === null ? null : limits.microDollars / 1e6,
      machineHours: limits.milliseconds === null ? null : limits.milliseconds / 3_600_000,
      jobs: limits.jobs,
      requestsPerSecond: limits.requestsPerSecond,
    },
    used: { dollars: used.microDollars / 1e6, machineHours: used.milliseconds / 3_600_000 },
    reserved: {
      dollars: reserved.microDollars / 1e6,
      machineHours: reserved.milliseconds / 3_600_000,
      jobs: reserved.jobs,
    },
  };
}

const accountOf = (job: JobRecord | undefined) =>
  job?.allowance ? { allowance: job.allowance, ended: hasEnded(job.state) } : undefined;
