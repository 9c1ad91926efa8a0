import { listKeys as operation } from '../../shared/contract/keys.ts';
import { presentApiKey, readApiKey } from '../../shared/records/api-keys.ts';
import { lists } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { handler } from '../http/handler.ts';

export const listKeys = handler(operation, async ({ world }, { team }, { query }) =>
  readPage(world, { partition: lists.apiKeys(team), index: 'index1' }, query, (record) =>
    presentApiKey(readApiKey(record)),
  ),
);
