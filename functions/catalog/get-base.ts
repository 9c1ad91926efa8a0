import { getBase as operation } from '../../shared/contract/bases.ts';
import { getBaseRecord, presentBase } from '../../shared/records/bases.ts';
import { handler } from '../http/handler.ts';

export const getBase = handler(operation, async ({ world }, { team }, { params }) =>
  presentBase((await getBaseRecord(world.table, team, params.base)).value),
);
