import { listBases as operation } from '../../shared/contract/bases.ts';
import { presentBase, readBase } from '../../shared/records/bases.ts';
import { lists } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { handler } from '../http/handler.ts';

export const listBases = handler(operation, async ({ world }, { team }, { query }) =>
  readPage(world, { partition: lists.bases(team), index: 'index1' }, query, (record) =>
    presentBase(readBase(record).value),
  ),
);
