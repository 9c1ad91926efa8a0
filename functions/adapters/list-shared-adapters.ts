import { listSharedAdapters as operation } from '../../shared/contract/shares.ts';
import { sharedRef } from '../../shared/domain/adapter-ref.ts';
import { presentAdapter } from '../../shared/records/adapters.ts';
import { keys } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { findReadable, sharesOf } from '../../shared/records/shares.ts';
import { handler } from '../http/handler.ts';

/** What is listed is read where it is, and shown only if it is still shared. */
export const listSharedAdapters = handler(operation, async ({ world }, { team }, { query }) => {
  const { partition, sort: prefix } = keys.shared(team, query.team === undefined ? '' : sharedRef(query.team, ''));
  return readPage(world, { partition, ...(prefix === '' ? {} : { prefix }) }, query, async ({ key }) => {
    const found = await findReadable(world.table, team, key.sort);
    const share = found && sharesOf(found.value).get(team);
    return found && share && { team: found.value.team, since: share.since, adapter: presentAdapter(found) };
  });
});
