import { listVersions as operation } from '../../shared/contract/versions.ts';
import { getAdapterRecord } from '../../shared/records/adapters.ts';
import { lists } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { presentVersion, readVersion } from '../../shared/records/versions.ts';
import { handler } from '../http/handler.ts';

export const listVersions = handler(operation, async ({ world }, { team }, { params, query }) => {
  const { value: adapter } = await getAdapterRecord(world.table, team, params.adapter);
  const list = { partition: lists.versions(team, adapter.id), index: 'index1', reverse: true } as const;
  return readPage(world, list, query, (record) => {
    const { value } = readVersion(record);
    return query.state === undefined || value.state === query.state ? presentVersion(value, adapter) : undefined;
  });
});
