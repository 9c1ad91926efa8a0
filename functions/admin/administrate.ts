import { z } from 'zod';
import { budgetLimitsSchema, type Budget } from '../../shared/contract/budgets.ts';
import { teamField } from '../../shared/contract/fields.ts';
import { createKey } from '../../shared/contract/keys.ts';
import { DomainError } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import { teamSubject } from '../../shared/records/account-subjects.ts';
import { findAccount, presentBudget } from '../../shared/records/budgets.ts';
import { changeLimits } from '../../shared/records/change-limits.ts';
import { newId } from '../../shared/records/commit.ts';
import { keys } from '../../shared/records/keys.ts';
import { askForRecount, findRecount, type Recount } from '../../shared/records/recounts.ts';
import { createFullKey, createTeam } from '../../shared/records/teams.ts';

const keyOrder = z.strictObject({
  action: z.enum(['create-team', 'create-key']),
  team: teamField,
  /** What the key is called in lists. */
  name: createKey.body.shape.name.optional(),
});
const order = z.discriminatedUnion('action', [
  keyOrder,
  z.strictObject({ action: z.literal('set-budget'), team: teamField, limits: budgetLimitsSchema }),
  z.strictObject({ action: z.literal('get-budget'), team: teamField }),
  z.strictObject({ action: z.literal('recount'), team: teamField }),
]);

export type AdminAnswer =
  | { readonly ok: true; readonly team: string; readonly key: string; readonly url?: string }
  | { readonly ok: true; readonly team: string; readonly budget: Budget; readonly recount?: Recount }
  | { readonly ok: false; readonly code: string; readonly message: string };

/**
 * Makes a team with its first key, once, or one more key that may do everything for a team that has lost its own; tells or sets the budget
 * of a team, or has its bytes counted anew. The key is in the answer and nowhere else; `url` says where the stage answers, where that is known.
 * Refusals are answers, because an error of a function would only say that there was one.
 */
export async function administrate(
  world: Pick<World, 'table' | 'now' | 'randomBytes'>,
  value: unknown,
  url?: string,
): Promise<AdminAnswer> {
  try {
    const parsed = order.safeParse(value);
    if (!parsed.success)
      throw new DomainError('bad-order', parsed.error.issues.map(({ message }) => message).join('; '));
    const { team } = parsed.data;
    if (parsed.data.action === 'set-budget')
      return { ok: true, team, budget: await setBudget(world, team, parsed.data.limits) };
    if (parsed.data.action === 'get-budget' || parsed.data.action === 'recount') {
      await requireTeam(world, team);
      if (parsed.data.action === 'recount') await askForRecount(world, team);
      return { ok: true, team, ...(await budgetOf(world, team)) };
    }
    return { ok: true, team, key: await keyOf(world, parsed.data), ...(url === undefined ? {} : { url }) };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { ok: false, code: error.code, message: error.message };
  }
}

async function keyOf(
  world: Pick<World, 'table' | 'now' | 'randomBytes'>,
  { action, team, name }: z.output<typeof keyOrder>,
): Promise<string> {
  if (action === 'create-key') {
    await requireTeam(world, team);
    return createFullKey(world, team, name);
  }
  // nothing is kept before: whoever loses the answer asks for one more key
  const key = await createTeam(world, team, () => Promise.resolve(), name);
  if (key === undefined)
    throw new DomainError(
      'team-exists',
      `There is a team "${team}" already: ask for a key with "create-key" if it has lost its own.`,
    );
  return key;
}

async function setBudget(
  world: Pick<World, 'table' | 'now' | 'randomBytes'>,
  team: string,
  given: z.output<typeof budgetLimitsSchema>,
): Promise<Budget> {
  await requireTeam(world, team);
  const caller = { team, keyId: 'administrator', scopes: [], requestId: newId(world, 'adm') };
  return presentBudget(teamSubject, await changeLimits(world, caller, teamSubject, given));
}

async function budgetOf(
  world: Pick<World, 'table' | 'now'>,
  team: string,
): Promise<{ readonly budget: Budget; readonly recount?: Recount }> {
  const budget = presentBudget(teamSubject, (await findAccount(world, team, teamSubject)).value);
  const recount = await findRecount(world.table, team);
  return { budget, ...(recount ? { recount } : {}) };
}

async function requireTeam({ table }: Pick<World, 'table'>, team: string): Promise<void> {
  if (!(await table.get(keys.team(team)))) throw new DomainError('no-such-team', `There is no team "${team}".`);
}
