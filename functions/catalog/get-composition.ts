import { getComposition as operation } from '../../shared/contract/compositions.ts';
import { getCompositionRecord, presentComposition } from '../../shared/records/compositions.ts';
import { handler } from '../http/handler.ts';

export const getComposition = handler(operation, async ({ world }, { team }, { params }) =>
  presentComposition((await getCompositionRecord(world.table, team, params.composition)).value),
);
