import { getVersionChecks as operation } from '../../shared/contract/versions.ts';
import { resolveVersion } from '../../shared/records/versions.ts';
import { handler } from '../http/handler.ts';

/** Both lists are empty for a version that no one has checked yet. */
export const getVersionChecks = handler(operation, async ({ world }, { team }, { params }) => {
  const { version } = await resolveVersion(world.table, team, params.adapter, params.version);
  const { details } = version.value;
  const info = details && (await world.blobs.head(details));
  if (!info) return { modules: [], servability: [] };
  const bytes = await world.blobs.read(info, 0, info.sizeBytes);
  return operation.output.parse(JSON.parse(new TextDecoder().decode(bytes)));
});
