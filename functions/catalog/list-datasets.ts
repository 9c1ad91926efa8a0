import { listDatasets as operation } from '../../shared/contract/datasets.ts';
import { presentDataset, readDataset } from '../../shared/records/datasets.ts';
import { lists } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { handler } from '../http/handler.ts';

export const listDatasets = handler(operation, async ({ world }, { team }, { query }) =>
  readPage(world, { partition: lists.datasets(team), index: 'index1' }, query, (record) =>
    presentDataset(readDataset(record).value),
  ),
);
