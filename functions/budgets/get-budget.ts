import { getBudget as operation } from '../../shared/contract/budgets.ts';
import { findAccount, presentBudget } from '../../shared/records/budgets.ts';
import { handler } from '../http/handler.ts';
import { requireSubject } from './require-subject.ts';

export const getBudget = handler(operation, async ({ world }, { team }, { params }) => {
  await requireSubject(world.table, team, params.subject);
  return presentBudget(params.subject, (await findAccount(world, team, params.subject)).value);
});
