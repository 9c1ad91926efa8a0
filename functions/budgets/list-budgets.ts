import { listBudgets as operation } from '../../shared/contract/budgets.ts';
import { presentBudget, readAccount } from '../../shared/records/budgets.ts';
import { keys } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { handler } from '../http/handler.ts';

export const listBudgets = handler(operation, async ({ world }, { team }, { query }) =>
  readPage(world, { partition: keys.budget(team, '').partition }, query, (record) => {
    const { subject, value } = readAccount(record, world.now());
    return presentBudget(subject, value);
  }),
);
