import { getDataset as operation } from '../../shared/contract/datasets.ts';
import { getDatasetRecord, presentDataset } from '../../shared/records/datasets.ts';
import { handler } from '../http/handler.ts';

export const getDataset = handler(operation, async ({ world }, { team }, { params }) =>
  presentDataset((await getDatasetRecord(world.table, team, params.dataset)).value),
);
