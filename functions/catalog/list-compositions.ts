import { listCompositions as operation } from '../../shared/contract/compositions.ts';
import { presentComposition, readComposition } from '../../shared/records/compositions.ts';
import { lists } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { handler } from '../http/handler.ts';

export const listCompositions = handler(operation, async ({ world }, { team }, { query }) =>
  readPage(world, { partition: lists.compositions(team), index: 'index1' }, query, (record) =>
    presentComposition(readComposition(record).value),
  ),
);
