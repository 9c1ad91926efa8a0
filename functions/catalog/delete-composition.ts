import { deleteComposition as operation } from '../../shared/contract/compositions.ts';
import { getCompositionRecord } from '../../shared/records/compositions.ts';
import { keys } from '../../shared/records/keys.ts';
import { handler } from '../http/handler.ts';
import { deleteEntry } from './delete-entry.ts';

export const deleteComposition = handler(operation, async ({ world }, caller, { params }) => {
  const { value, revision } = await getCompositionRecord(world.table, caller.team, params.composition);
  const key = keys.composition(caller.team, value.name);
  return deleteEntry(world, caller, { kind: 'composition', name: value.name, key, revision });
});
