import { setBudget as operation } from '../../shared/contract/budgets.ts';
import { presentBudget } from '../../shared/records/budgets.ts';
import { changeLimits } from '../../shared/records/change-limits.ts';
import { handler } from '../http/handler.ts';
import { requireSubject } from './require-subject.ts';

export const setBudget = handler(operation, async ({ world }, caller, { params, body }) => {
  const { subject } = params;
  await requireSubject(world.table, caller.team, subject);
  return presentBudget(subject, await changeLimits(world, caller, subject, body));
});
