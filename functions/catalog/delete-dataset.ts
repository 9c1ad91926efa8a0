import { deleteDataset as operation } from '../../shared/contract/datasets.ts';
import { DomainError } from '../../shared/errors.ts';
import { findDataset } from '../../shared/records/datasets.ts';
import { keys } from '../../shared/records/keys.ts';
import { handler } from '../http/handler.ts';
import { deleteEntry } from './delete-entry.ts';

export const deleteDataset = handler(operation, async ({ world }, caller, { params }) => {
  // one that was erased frees its name like any other
  const found = await findDataset(world.table, caller.team, params.dataset);
  if (!found) throw new DomainError('not-found', `There is no dataset "${params.dataset}".`);
  const { value, revision } = found;
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
