import { getVersion as operation } from '../../shared/contract/versions.ts';
import { presentVersion, resolveVersion } from '../../shared/records/versions.ts';
import { handler } from '../http/handler.ts';

export const getVersion = handler(operation, async ({ world }, { team }, { params }) => {
  const { adapter, version } = await resolveVersion(world.table, team, params.adapter, params.version);
  return presentVersion(version.value, adapter.value);
});
