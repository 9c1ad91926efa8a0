import { getErasure as operation } from '../../shared/contract/erasures.ts';
import { DomainError } from '../../shared/errors.ts';
import { findErasure, presentErasure } from '../../shared/records/erasures.ts';
import { handler } from '../http/handler.ts';
import { erasableDataset } from './erasable-dataset.ts';

export const getErasure = handler(operation, async ({ world }, { team }, { params }) => {
  const { id, name } = await erasableDataset(world.table, team, params.dataset);
  const found = await findErasure(world.table, team, id);
  if (!found) throw new DomainError('not-found', `The dataset "${name}" is not erased, and nobody has asked for it.`);
  return presentErasure(found.value);
});
