import { listKeys as operation } from '../../shared/contract/keys.ts';
import { presentApiKey, readApiKey } from '../../shared/records/api-keys.ts';
import { findLastUse } from '../../shared/records/api-key-uses.ts';
import { lists } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { handler } from '../http/handler.ts';
import { isWithinPrefix } from './within-own.ts';

export const listKeys = handler(operation, async ({ world }, caller, { query }) => {
  const { serviceAccount } = query;
  const list = { partition: lists.apiKeys(caller.team), index: 'index1' } as const;
  const page = await readPage(world, list, query, (record) => {
    const key = readApiKey(record);
    if (serviceAccount !== undefined && key.serviceAccount !== serviceAccount) return undefined;
    return isWithinPrefix(caller, key.adapterPrefix) ? key : undefined;
  });
  const shown = page.items.map(async (key) => presentApiKey(key, world.now(), await findLastUse(world.table, key.id)));
  return { ...page, items: await Promise.all(shown) };
});
