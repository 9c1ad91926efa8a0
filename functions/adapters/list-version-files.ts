import { listVersionFiles as operation } from '../../shared/contract/versions.ts';
import { DomainError } from '../../shared/errors.ts';
import { downloadLinks } from '../../shared/records/download-link.ts';
import { presentVersion, resolveVersion } from '../../shared/records/versions.ts';
import { handler } from '../http/handler.ts';

export const listVersionFiles = handler(operation, async ({ world }, { team }, { params }) => {
  const { adapter, version } = await resolveVersion(world.table, team, params.adapter, params.version);
  const { state, files } = version.value;
  if (state !== 'published' && state !== 'withdrawn')
    throw new DomainError('not-published', `This version is ${state}: only what was published can be fetched.`);
  return { version: presentVersion(version.value, adapter.value), files: await downloadLinks(world, files) };
});
