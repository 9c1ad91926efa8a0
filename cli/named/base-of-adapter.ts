import { getAdapter } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { listBases } from '../../shared/contract/bases.ts';
import { getVersion } from '../../shared/contract/versions.ts';
import { splitRef } from '../../shared/domain/adapter-ref.ts';
import { allPages } from '../server/all-pages.ts';
import { withSuggestions } from '../server/suggest.ts';

/** Name of the base that an adapter of the server belongs to; of one that another team shares, that of the base here with the same weights. */
export async function baseOfAdapter(api: ApiClient, adapter: string): Promise<string> {
  const { base } = await withSuggestions(api, { adapter: [adapter] }, () =>
    api.call(getAdapter, { params: { adapter } }),
  );
  if (splitRef(adapter).owner === undefined) return base;
  const { lineage } = await api.call(getVersion, { params: { adapter, version: 'latest' } });
  const same = (await allPages(api, listBases)).filter(({ sha256 }) => sha256 === lineage.base?.sha256);
  // without one the job is refused with what to do
  return (same.find(({ name }) => name === base) ?? same[0])?.name ?? base;
}
