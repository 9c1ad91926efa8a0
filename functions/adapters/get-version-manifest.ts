import { getVersionManifest as operation } from '../../shared/contract/manifests.ts';
import { getManifest } from '../../shared/records/manifests.ts';
import { resolveVersion } from '../../shared/records/versions.ts';
import { handler } from '../http/handler.ts';

export const getVersionManifest = handler(operation, async ({ world }, { team }, { params }) => {
  const { version } = await resolveVersion(world.table, team, params.adapter, params.version);
  return getManifest(world.table, version.value.team, version.value.id);
});
