import { listShares as operation } from '../../shared/contract/shares.ts';
import { getAdapterRecord } from '../../shared/records/adapters.ts';
import { sharesOf } from '../../shared/records/shares.ts';
import { handler } from '../http/handler.ts';

export const listShares = handler(operation, async ({ world }, { team }, { params }) => {
  const { value } = await getAdapterRecord(world.table, team, params.adapter);
  return { items: [...sharesOf(value).values()] };
});
