import { expect, test } from 'vitest';
import { charge, costMicroDollars, newAllowance, ownSecondsMax, type Allowance } from './allowance.ts';
import {
  changeAccount,
  changeOfJob,
  inMonth,
  limitFindings,
  monthOf,
  newAccount,
  noLimits,
  nothingStored,
  refusals,
  type Account,
  type JobAccount,
} from './budget.ts';
import { limits } from '../limits.ts';

const hour = 3_600_000;
const allowance = (maxMilliseconds: number, microDollarsPerHour = 1_000_000): Allowance => ({
  maxMilliseconds,
  microDollarsPerHour,
  chargedMilliseconds: 0,
});

test('parts of an allowance cost together what the whole costs, whatever the price and however it is parted', () => {
  for (const price of [1, 526_001, 1_006_000, 6_880_000, 333_333_333])
    for (const step of [1, 7, 999, 1234]) {
      let account: Account = newAccount('2026-11');
      let job: JobAccount = { allowance: allowance(4000, price), ended: false };
      account = changeAccount(account, changeOfJob(undefined, job));
      const whole = account.reserved.microDollars;
      expect(whole).toBe(costMicroDollars(4000, price));
      while (job.allowance.chargedMilliseconds < 4000) {
        const next: JobAccount = { allowance: charge(job.allowance, step), ended: false };
        account = changeAccount(account, changeOfJob(job, next));
        expect(account.used.microDollars + account.reserved.microDollars).toBe(whole);
        job = next;
      }
      account = changeAccount(account, changeOfJob(job, { ...job, ended: true }));
      expect(account.reserved).toEqual({ microDollars: 0, milliseconds: 0, jobs: 0 });
      expect(account.used).toEqual({ microDollars: whole, milliseconds: 4000 });
    }
});

test('what a container took beyond the allowance is not charged', () => {
  expect(charge(allowance(1000), 5000).chargedMilliseconds).toBe(1000);
  expect(charge(charge(allowance(1000), 999), 2).chargedMilliseconds).toBe(1000);
});

test('the allowance is the least of what was asked for, and never costs more than the dollars', () => {
  expect(newAllowance({ maxSeconds: 90 }, 0, 1e9).maxMilliseconds).toBe(90_000);
  expect(newAllowance({ maxSeconds: 90, maxDollars: 0.01 }, 1_006_000, 1).maxMilliseconds).toBe(35_785);
  expect(costMicroDollars(35_785, 1_006_000)).toBeLessThanOrEqual(10_000);
  // where nothing costs, dollars say nothing
  expect(newAllowance({ maxDollars: 1 }, 0, 1).maxMilliseconds).toBe(limits.jobSecondsMax * 1000);
  expect(newAllowance({}, 0, 1).maxMilliseconds).toBe(limits.jobSecondsMax * 1000);
  expect(newAllowance({}, 1_006_000, 60).maxMilliseconds).toBe(limits.jobDefaultSecondsMin * 1000);
  expect(newAllowance({}, 1_006_000, 10_000).maxMilliseconds).toBe(40_600_000);
  expect(newAllowance({}, 1_006_000, 1e9).maxMilliseconds).toBe(limits.jobSecondsMax * 1000);
});

test('a run by itself takes the longest time that costs no more, to the millisecond', () => {
  expect(ownSecondsMax({})).toBeUndefined();
  expect(ownSecondsMax({ maxSeconds: 9 })).toBe(9);
  expect(ownSecondsMax({ maxDollars: 1 })).toBeUndefined();
  const price = { dollarsPerHour: 1.8 };
  expect(ownSecondsMax({ ...price, maxDollars: 0.0025 })).toBe(5);
  expect(ownSecondsMax({ ...price, maxDollars: 0.002499 })).toBe(4.998);
  expect(ownSecondsMax({ ...price, maxDollars: 1, maxSeconds: 3 })).toBe(3);
});

test('a limit takes what just fits and refuses one millisecond, one millionth and one job more, all at once', () => {
  const account: Account = {
    limits: { ...noLimits, microDollars: 3_000_000, milliseconds: 3 * hour, jobs: 2 },
    month: '2026-11',
    used: { microDollars: 1_000_000, milliseconds: hour },
    reserved: { microDollars: 1_000_000, milliseconds: hour, jobs: 1 },
    stored: nothingStored,
  };
  const wanted = (milliseconds: number) => changeOfJob(undefined, { allowance: allowance(milliseconds), ended: false });
  expect(refusals(account, wanted(hour), "The team's")).toEqual([]);
  const found = refusals({ ...account, reserved: { ...account.reserved, jobs: 2 } }, wanted(hour + 1), "The team's");
  expect(found.map(({ code }) => code)).toEqual(['budget-exceeded', 'budget-exceeded', 'too-many-jobs']);
  expect(found[0]?.message).toMatch(
    /is \$3\.00: \$1\.00 are used, \$1\.00 reserved .* \$1\.000001 wanted\. Give .* at most \$1\.00 /,
  );
  expect(found[1]?.message).toMatch(/at most 3600 s \(budget\.maxSeconds\)/);
});

test('no limit is set below what is used and reserved, and each that is says what would do', () => {
  const account: Account = {
    ...newAccount('2026-11'),
    used: { microDollars: 5, milliseconds: hour },
    reserved: { microDollars: 5, milliseconds: hour, jobs: 2 },
  };
  expect(limitFindings(account, { ...noLimits, microDollars: 10, milliseconds: 2 * hour, jobs: 2 })).toEqual([]);
  const found = limitFindings(account, { ...noLimits, microDollars: 9, milliseconds: 2 * hour - 1, jobs: 1 });
  expect(found.map(({ where }) => where)).toEqual(['dollars', 'machineHours', 'jobs']);
});

test('a new month begins with nothing used and keeps what is reserved; months never go back', () => {
  expect(monthOf(Date.parse('2026-11-30T23:59:59.999Z'))).toBe('2026-11');
  expect(monthOf(Date.parse('2026-12-01T00:00:00Z'))).toBe('2026-12');
  const account: Account = {
    ...newAccount('2026-11'),
    used: { microDollars: 5, milliseconds: 5 },
    reserved: { microDollars: 1, milliseconds: 1, jobs: 1 },
  };
  expect(inMonth(account, '2026-12')).toEqual({
    ...account,
    month: '2026-12',
    used: { microDollars: 0, milliseconds: 0 },
  });
  expect(inMonth(account, '2026-10')).toBe(account);
});
