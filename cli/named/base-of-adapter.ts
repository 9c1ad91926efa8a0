import { getAdapter } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { withSuggestions } from '../server/suggest.ts';

/** Name of the base that an adapter of the server belongs to. */
export async function baseOfAdapter(api: ApiClient, adapter: string): Promise<string> {
  const found = await withSuggestions(api, { adapter: [adapter] }, () => api.call(getAdapter, { params: { adapter } }));
  return found.base;
}
