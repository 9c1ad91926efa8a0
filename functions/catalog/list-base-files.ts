import { listBaseFiles as operation } from '../../shared/contract/bases.ts';
import { getBaseRecord, presentBase, readyBase } from '../../shared/records/bases.ts';
import { downloadLinks } from '../../shared/records/download-link.ts';
import { handler } from '../http/handler.ts';

export const listBaseFiles = handler(operation, async ({ world }, { team }, { params }) => {
  const base = readyBase((await getBaseRecord(world.table, team, params.base)).value);
  return { base: presentBase(base), files: await downloadLinks(world, base.files) };
});
