import { listAdapters as operation } from '../../shared/contract/adapters.ts';
import type { Adapter } from '../../shared/contract/adapters.ts';
import type { RecordQuery, StoredRecord } from '../../shared/platform/ports.ts';
import { findAdapter, presentAdapter, readAdapter } from '../../shared/records/adapters.ts';
import { lists, keys } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { handler } from '../http/handler.ts';

export const listAdapters = handler(operation, async ({ world }, { team }, { query }) => {
  const { base, tag, text } = query;
  const wanted = text?.toLowerCase();
  const keep = async (record: StoredRecord): Promise<Adapter | undefined> => {
    // a look-up record of a tag holds the name only
    const found = tag === undefined ? readAdapter(record) : await findAdapter(world.table, team, record.key.sort);
    if (!found) return undefined;
    const { value } = found;
    if (base !== undefined && value.base !== base) return undefined;
    if (tag !== undefined && !value.tags.includes(tag)) return undefined;
    if (wanted !== undefined && !`${value.name}\n${value.description}`.toLowerCase().includes(wanted)) return undefined;
    return presentAdapter(found);
  };
  return readPage(world, listOf(team, base, tag), query, keep);
});

function listOf(
  team: string,
  base: string | undefined,
  tag: string | undefined,
): Pick<RecordQuery, 'partition' | 'index'> {
  if (tag !== undefined) return { partition: keys.tag(team, tag, '').partition };
  return base === undefined
    ? { partition: lists.adapters(team), index: 'index1' }
    : { partition: lists.adaptersOfBase(team, base), index: 'index2' };
}
