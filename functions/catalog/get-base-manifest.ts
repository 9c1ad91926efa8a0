import { getBaseManifest as operation } from '../../shared/contract/manifests.ts';
import { getBaseRecord } from '../../shared/records/bases.ts';
import { getManifest } from '../../shared/records/manifests.ts';
import { handler } from '../http/handler.ts';

export const getBaseManifest = handler(operation, async ({ world }, { team }, { params }) => {
  const { value } = await getBaseRecord(world.table, team, params.base);
  return getManifest(world.table, team, value.id);
});
