import { getAdapter as operation } from '../../shared/contract/adapters.ts';
import { presentAdapter } from '../../shared/records/adapters.ts';
import { getReadable } from '../../shared/records/shares.ts';
import { handler } from '../http/handler.ts';

export const getAdapter = handler(operation, async ({ world }, { team }, { params }) =>
  presentAdapter(await getReadable(world.table, team, params.adapter)),
);
