import { getDatasetFile as operation } from '../../shared/contract/datasets.ts';
import { getDatasetRecord, readyDataset } from '../../shared/records/datasets.ts';
import { downloadLink } from '../../shared/records/download-link.ts';
import { handler } from '../http/handler.ts';

export const getDatasetFile = handler(operation, async ({ world }, { team }, { params }) => {
  const { file } = readyDataset((await getDatasetRecord(world.table, team, params.dataset)).value);
  return downloadLink(world, file);
});
