import { listBaseTensors as operation } from '../../shared/contract/bases.ts';
import { getBaseRecord, readyBase } from '../../shared/records/bases.ts';
import { readJsonBlob } from '../../shared/records/json-blob.ts';
import { handler } from '../http/handler.ts';

export const listBaseTensors = handler(operation, async ({ world }, { team }, { params }) => {
  const { tensors } = readyBase((await getBaseRecord(world.table, team, params.base)).value);
  return readJsonBlob(world, tensors, operation.output);
});
