import { listVersions as operation } from '../../shared/contract/versions.ts';
import { lists } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { getReadable } from '../../shared/records/shares.ts';
import { isShown, presentVersion, readVersion } from '../../shared/records/versions.ts';
import { handler } from '../http/handler.ts';

export const listVersions = handler(operation, async ({ world }, { team }, { params, query }) => {
  const { value: adapter } = await getReadable(world.table, team, params.adapter);
  const list = { partition: lists.versions(adapter.team, adapter.id), index: 'index1', reverse: true } as const;
  return readPage(world, list, query, (record) => {
    const { value } = readVersion(record);
    if (!isShown(value, team) || (query.state !== undefined && value.state !== query.state)) return undefined;
    return presentVersion({ ...value, adapter: adapter.name }, adapter);
  });
});
