import { getAdapter as operation } from '../../shared/contract/adapters.ts';
import { getAdapterRecord, presentAdapter } from '../../shared/records/adapters.ts';
import { handler } from '../http/handler.ts';

export const getAdapter = handler(operation, async ({ world }, { team }, { params }) =>
  presentAdapter(await getAdapterRecord(world.table, team, params.adapter)),
);
