import type { Finding } from '../errors.ts';
import { costMicroDollars, type Allowance } from './allowance.ts';

/** Machine time and what it costs, in whole numbers, so that sums come out even. */
export interface Amount {
  readonly microDollars: number;
  readonly milliseconds: number;
}

/** The most that may be used; null: anything. Dollars and time are of one calendar month (UTC). */
export interface BudgetLimits {
  readonly microDollars: number | null;
  readonly milliseconds: number | null;
  /** Jobs that have not ended. */
  readonly jobs: number | null;
  /** Of one key; each process counts for itself. */
  readonly requestsPerSecond: number | null;
  /** Of files that are kept, whenever they came. */
  readonly storedBytes: number | null;
}

/** Bytes of files. */
export interface StoredAmount {
  readonly bytes: number;
  /** What uploads that are open and jobs that have not ended may still leave. */
  readonly reserved: number;
}

/** What one team or one key has used, and what its unfinished jobs may still use. */
export interface Account {
  readonly limits: BudgetLimits;
  /** `2026-11`: the month that `used` is of. */
  readonly month: string;
  readonly used: Amount;
  readonly reserved: Amount & { readonly jobs: number };
  /** Of no month. */
  readonly stored: StoredAmount;
}

/** What a change of a job means for the accounts that it is on. */
export interface AccountChange {
  readonly used: Amount;
  /** May be negative. */
  readonly reserved: Amount & { readonly jobs: number };
}

export const noLimits: BudgetLimits = {
  microDollars: null,
  milliseconds: null,
  jobs: null,
  requestsPerSecond: null,
  storedBytes: null,
};

export function newAccount(month: string): Account {
  return { limits: noLimits, month, used: nothing, reserved: { ...nothing, jobs: 0 }, stored: nothingStored };
}

/** The month of a time in milliseconds since 1970. */
export function monthOf(time: number): string {
  return new Date(time).toISOString().slice(0, 7);
}

/** The account as it stands in a month: what was used in an earlier one is not of this one. Months never go back. */
export function inMonth(account: Account, month: string): Account {
  return month > account.month ? { ...account, month, used: nothing } : account;
}

export function changeAccount(account: Account, { used, reserved }: AccountChange): Account {
  return {
    ...account,
    used: sum(account.used, used),
    reserved: { ...sum(account.reserved, reserved), jobs: account.reserved.jobs + reserved.jobs },
  };
}

export function changeStored(account: Account, change: StoredAmount): Account {
  return { ...account, stored: addStored(account.stored, change) };
}

export const addStored = (a: StoredAmount, b: StoredAmount): StoredAmount => ({
  bytes: a.bytes + b.bytes,
  reserved: a.reserved + b.reserved,
});

/**
 * The change of the accounts that comes with one of a job: what its container has taken counts as used and no longer as reserved; a job that
 * has ended reserves nothing. `undefined` stands for a job that is not there yet. Sums of such changes leave nothing over.
 */
export function changeOfJob(before: JobAccount | undefined, after: JobAccount): AccountChange {
  const [then, now] = [heldBy(before), heldBy(after)];
  return {
    used: difference(
      amountOf(after.allowance, 0, after.allowance.chargedMilliseconds),
      before ? amountOf(before.allowance, 0, before.allowance.chargedMilliseconds) : nothing,
    ),
    reserved: { ...difference(now, then), jobs: now.jobs - then.jobs },
  };
}

/** Changes that come in one write. */
export function sumChanges(changes: readonly AccountChange[]): AccountChange {
  return changes.reduce(
    (all, { used, reserved }) => ({
      used: sum(all.used, used),
      reserved: { ...sum(all.reserved, reserved), jobs: all.reserved.jobs + reserved.jobs },
    }),
    { used: nothing, reserved: { ...nothing, jobs: 0 } },
  );
}

/** A job as its accounts see it. */
export interface JobAccount {
  readonly allowance: Allowance;
  readonly ended: boolean;
}

/** Nothing at all changes. */
export function isNothing({ used, reserved }: AccountChange): boolean {
  return [used.microDollars, used.milliseconds, reserved.microDollars, reserved.milliseconds, reserved.jobs].every(
    (value) => value === 0,
  );
}

/** Why an account does not take a reservation: one finding for each limit, with what is used, reserved and wanted. */
export function refusals(account: Account, { reserved: wanted }: AccountChange, whose: string): Finding[] {
  const { limits, used, reserved, month } = account;
  const refuse = (code: string, message: string): Finding => ({ severity: 'error', code, where: 'budget', message });
  const found: Finding[] = [];
  const period = `${whose} budget for ${month} (UTC)`;
  if (
    limits.microDollars !== null &&
    used.microDollars + reserved.microDollars + wanted.microDollars > limits.microDollars
  )
    found.push(
      refuse(
        'budget-exceeded',
        `${period} is ${dollarsText(limits.microDollars)}: ${dollarsText(used.microDollars)} are used, ${dollarsText(reserved.microDollars)} reserved by jobs that have not ended, ${dollarsText(wanted.microDollars)} wanted. Give the job at most ${dollarsText(limits.microDollars - used.microDollars - reserved.microDollars)} (budget.maxDollars), wait for jobs to end, or have the budget raised`,
      ),
    );
  if (
    limits.milliseconds !== null &&
    used.milliseconds + reserved.milliseconds + wanted.milliseconds > limits.milliseconds
  )
    found.push(
      refuse(
        'budget-exceeded',
        `${period} is ${hoursText(limits.milliseconds)} of machines: ${hoursText(used.milliseconds)} are used, ${hoursText(reserved.milliseconds)} reserved by jobs that have not ended, ${hoursText(wanted.milliseconds)} wanted. Give the job at most ${Math.floor((limits.milliseconds - used.milliseconds - reserved.milliseconds) / 1000)} s (budget.maxSeconds), wait for jobs to end, or have the budget raised`,
      ),
    );
  if (limits.jobs !== null && reserved.jobs + wanted.jobs > limits.jobs)
    found.push(
      refuse(
        'too-many-jobs',
        `${whose} limit is ${limits.jobs} jobs at a time: ${reserved.jobs} have not ended, ${wanted.jobs} wanted. Wait for one to end, cancel one, or have the limit raised`,
      ),
    );
  return found;
}

/** Why an account does not take so many more bytes; nothing where they get fewer, or stay as many. */
export function storedRefusals({ limits, stored }: Account, change: StoredAmount, whose: string): Finding[] {
  const wanted = change.bytes + change.reserved;
  const free = (limits.storedBytes ?? Infinity) - stored.bytes - stored.reserved;
  if (wanted <= 0 || wanted <= free) return [];
  const message = `${whose} limit is ${limits.storedBytes} bytes of stored files: ${stored.bytes} are kept, ${stored.reserved} reserved by uploads and jobs that have not ended, ${wanted} wanted, ${Math.max(0, free)} free. Delete something (its bytes go some time later), give up uploads that wait, or have the limit raised`;
  return [{ severity: 'error', code: 'storage-exceeded', where: 'budget', message }];
}

/** What stands against new limits: less than what is used and reserved already cannot be kept. */
export function limitFindings({ used, reserved, stored }: Account, limits: BudgetLimits): Finding[] {
  const refuse = (where: string, message: string): Finding => ({
    severity: 'error',
    code: 'below-use',
    where,
    message,
  });
  const found: Finding[] = [];
  const dollars = used.microDollars + reserved.microDollars;
  if (limits.microDollars !== null && limits.microDollars < dollars)
    found.push(
      refuse(
        'dollars',
        `${dollarsText(used.microDollars)} are used this month and ${dollarsText(reserved.microDollars)} reserved: give ${dollarsText(dollars)}, which lets nothing new begin, or cancel jobs first`,
      ),
    );
  const milliseconds = used.milliseconds + reserved.milliseconds;
  if (limits.milliseconds !== null && limits.milliseconds < milliseconds)
    found.push(
      refuse(
        'machineHours',
        `${hoursText(used.milliseconds)} are used this month and ${hoursText(reserved.milliseconds)} reserved: give ${hoursText(milliseconds)}, which lets nothing new begin, or cancel jobs first`,
      ),
    );
  if (limits.jobs !== null && limits.jobs < reserved.jobs)
    found.push(
      refuse('jobs', `${reserved.jobs} jobs have not ended: give ${reserved.jobs} or more, or cancel some first`),
    );
  const bytes = stored.bytes + stored.reserved;
  if (limits.storedBytes !== null && limits.storedBytes < bytes)
    found.push(
      refuse(
        'storedBytes',
        `${stored.bytes} bytes are kept and ${stored.reserved} reserved: give ${bytes}, which lets nothing new come, or delete something first`,
      ),
    );
  return found;
}

const nothing: Amount = { microDollars: 0, milliseconds: 0 };
export const nothingStored: StoredAmount = { bytes: 0, reserved: 0 };

/** What of its allowance a job still holds. */
function heldBy(job: JobAccount | undefined): Amount & { readonly jobs: number } {
  if (!job || job.ended) return { ...nothing, jobs: 0 };
  const { allowance } = job;
  return { ...amountOf(allowance, allowance.chargedMilliseconds, allowance.maxMilliseconds), jobs: 1 };
}

/** Of the time between two points of an allowance; parts of it add up to the whole. */
function amountOf({ microDollarsPerHour }: Allowance, from: number, to: number): Amount {
  return {
    milliseconds: to - from,
    microDollars: costMicroDollars(to, microDollarsPerHour) - costMicroDollars(from, microDollarsPerHour),
  };
}

const sum = (a: Amount, b: Amount): Amount => ({
  microDollars: a.microDollars + b.microDollars,
  milliseconds: a.milliseconds + b.milliseconds,
});

const difference = (a: Amount, b: Amount): Amount => ({
  microDollars: a.microDollars - b.microDollars,
  milliseconds: a.milliseconds - b.milliseconds,
});

/** To the millionth where it takes that. */
export function dollarsText(microDollars: number): string {
  const dollars = microDollars / 1e6;
  return `$${Number.isInteger(dollars * 100) ? dollars.toFixed(2) : String(dollars)}`;
}

function hoursText(milliseconds: number): string {
  return `${Number((milliseconds / 3_600_000).toFixed(4))} h`;
}
