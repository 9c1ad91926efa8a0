import { restoreDataset as operation } from '../../shared/contract/datasets.ts';
import { datasetWrite, parseDataset, presentDataset, readyDataset } from '../../shared/records/datasets.ts';
import { keys } from '../../shared/records/keys.ts';
import { restoreDeleted } from '../../shared/records/restore-deleted.ts';
import { handler } from '../http/handler.ts';

/** One that was ready: of others the file may never have come. */
export const restoreDataset = handler(operation, async ({ world }, caller, { params: { dataset: name } }) =>
  restoreDeleted(world, caller, {
    kind: 'dataset',
    name,
    key: keys.dataset(caller.team, name),
    async plan(record) {
      const value = readyDataset(parseDataset(record));
      return { writes: [datasetWrite(value)], result: presentDataset(value) };
    },
  }),
);
