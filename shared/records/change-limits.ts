import type { z } from 'zod';
import type { budgetLimitsSchema } from '../contract/budgets.ts';
import { limitFindings, type Account, type BudgetLimits } from '../domain/budget.ts';
import { refuseErrors, UnavailableError } from '../errors.ts';
import { limits } from '../limits.ts';
import { ConditionError, type World } from '../platform/ports.ts';
import { accountWrite, findAccount } from './budgets.ts';
import type { Caller } from './caller.ts';
import { commit } from './commit.ts';
import { recordValue } from './stored.ts';

/** Sets limits of a team or of a key; those that are not given stay. Throws `DomainError('below-use')` with all findings. */
export async function changeLimits(
  world: Pick<World, 'table' | 'now' | 'randomBytes'>,
  caller: Caller,
  subject: string,
  given: z.output<typeof budgetLimitsSchema>,
): Promise<Account> {
  for (let attempt = 1; ; attempt++) {
    const { value, revision } = await findAccount(world, caller.team, subject);
    const after = { ...value, limits: merged(value.limits, given) };
    refuseErrors('below-use', 'These limits cannot be kept:', limitFindings(value, after.limits));
    const change = { action: 'budget.set', resource: `budgets/${subject}`, detail: recordValue(given) };
    try {
      await commit(world, caller, change, [accountWrite(caller.team, subject, after, revision)]);
      return after;
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      if (attempt === limits.budgetAttemptsMax)
        throw new UnavailableError('Jobs begin and end too often just now: try again.', { cause: error });
    }
  }
}

function merged(
  { microDollars, milliseconds, jobs }: BudgetLimits,
  given: z.output<typeof budgetLimitsSchema>,
): BudgetLimits {
  return {
    microDollars: given.dollars === undefined ? microDollars : scaled(given.dollars, 1e6),
    milliseconds: given.machineHours === undefined ? milliseconds : scaled(given.machineHours, 3_600_000),
    jobs: given.jobs === undefined ? jobs : given.jobs,
  };
}

/** Down to the whole unit: a limit is never more than was said. A millionth of a unit is what decimals lose on their way. */
const scaled = (value: number | null, units: number): number | null =>
  value === null ? null : Math.floor(value * units + 1e-6);
