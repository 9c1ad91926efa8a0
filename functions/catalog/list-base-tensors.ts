import { listBaseTensors as operation } from '../../shared/contract/bases.ts';
import { readBaseTensors } from '../../shared/records/base-tensors.ts';
import { getBaseRecord, readyBase } from '../../shared/records/bases.ts';
import { handler } from '../http/handler.ts';

export const listBaseTensors = handler(operation, async ({ world }, { team }, { params }) => {
  const { tensors } = readyBase((await getBaseRecord(world.table, team, params.base)).value);
  return { tensors: await readBaseTensors(world, tensors) };
});
