import { listServiceAccounts as operation } from '../../shared/contract/service-accounts.ts';
import { lists } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { presentServiceAccount, readServiceAccount } from '../../shared/records/service-accounts.ts';
import { handler } from '../http/handler.ts';
import { isWithinPrefix } from './within-own.ts';

export const listServiceAccounts = handler(operation, async ({ world }, caller, { query }) => {
  const list = { partition: lists.serviceAccounts(caller.team), index: 'index1' } as const;
  return readPage(world, list, query, (record) => {
    const { value } = readServiceAccount(record);
    return isWithinPrefix(caller, value.adapterPrefix) ? presentServiceAccount(value) : undefined;
  });
});
