import type { z } from 'zod';
import type { budgetLimitsSchema } from '../contract/budgets.ts';
import { limitFindings, type Account, type BudgetLimits } from '../domain/budget.ts';
import { DomainError, refuseErrors, UnavailableError } from '../errors.ts';
import { limits } from '../limits.ts';
import { ConditionError, type RecordTable, type RecordWrite, type World } from '../platform/ports.ts';
import { apiKeyWrite, findApiKey } from './api-keys.ts';
import { teamSubject } from './account-subjects.ts';
import { accountWrite, findAccount } from './budgets.ts';
import type { Caller } from './caller.ts';
import { commit } from './commit.ts';
import { recordValue } from './stored.ts';

/** Sets limits of a team or of a key; those that are not given stay. Throws
 * `DomainError('below-use')` with all findings, and `DomainError('invalid-request')` for calls a second of a whole team. */
export async function changeLimits(
  world: Pick<World, 'table' | 'now' | 'randomBytes'>,
  caller: Caller,
  subject: string,
  given: z.output<typeof budgetLimitsSchema>,
): Promise<Account> {
  for (let attempt = 1; ; attempt++) {
    const { value, revision } = await findAccount(world, caller.team, subject);
    const after = { ...value, limits: merged(value.limits, given) };
    if (subject === teamSubject && typeof given.requestsPerSecond === 'number')
      throw new DomainError(
        'invalid-request',
        'Calls a second are limited for each key: give the id of one instead of "team".',
      );
    refuseErrors('below-use', 'These limits cannot be kept:', limitFindings(value, after.limits));
    const change = { action: 'budget.set', resource: `budgets/${subject}`, detail: recordValue(given) };
    try {
      await commit(world, caller, change, [
        accountWrite(caller.team, subject, after, revision),
        ...(await rateWrites(world.table, subject, given.requestsPerSecond)),
      ]);
      return after;
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      if (attempt === limits.budgetAttemptsMax)
        throw new UnavailableError('Jobs begin and end too often just now: try again.', { cause: error });
    }
  }
}

/** Every call reads the record of its key, so that is where the limit is looked up. */
async function rateWrites(
  table: RecordTable,
  keyId: string,
  requestsPerSecond: number | null | undefined,
): Promise<RecordWrite[]> {
  const key = requestsPerSecond === undefined ? undefined : await findApiKey(table, keyId);
  return key && requestsPerSecond !== undefined ? [apiKeyWrite({ ...key.value, requestsPerSecond }, key.revision)] : [];
}

function merged(
  { microDollars, milliseconds, jobs, requestsPerSecond, storedBytes }: BudgetLimits,
  given: z.output<typeof budgetLimitsSchema>,
): BudgetLimits {
  return {
    microDollars: given.dollars === undefined ? microDollars : scaled(given.dollars, 1e6),
    milliseconds: given.machineHours === undefined ? milliseconds : scaled(given.machineHours, 3_600_000),
    jobs: given.jobs === undefined ? jobs : given.jobs,
    requestsPerSecond: given.requestsPerSecond === undefined ? requestsPerSecond : given.requestsPerSecond,
    storedBytes: given.storedBytes === undefined ? storedBytes : given.storedBytes,
  };
}

/** Down to the whole unit: a limit is never more than was said. A millionth of a unit is what decimals lose on their way. */
const scaled = (value: number | null, units: number): number | null =>
  value === null ? null : Math.floor(value * units + 1e-6);
