import { deleteDataset as operation } from '../../shared/contract/datasets.ts';
import { getDatasetRecord } from '../../shared/records/datasets.ts';
import { keys } from '../../shared/records/keys.ts';
import { handler } from '../http/handler.ts';
import { deleteEntry } from './delete-entry.ts';

export const deleteDataset = handler(operation, async ({ world }, caller, { params }) => {
  const { value, revision } = await getDatasetRecord(world.table, caller.team, params.dataset);
  const { name } = value;
  const uploadId = value.state === 'draft' ? value.uploadId : null;
  return deleteEntry(world, caller, {
    kind: 'dataset',
    name,
    key: keys.dataset(caller.team, name),
    revision,
    uploadId,
    record: value,
  });
});
