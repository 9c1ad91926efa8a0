import type { ApiClient } from '../../shared/contract/api-client.ts';
import type { Operation, OperationCall } from '../../shared/contract/operation.ts';
import { limits } from '../../shared/limits.ts';

/** A call that answers in pages. */
interface Page {
  readonly items: readonly unknown[];
  readonly next?: string | undefined;
}
type ItemOf<O extends Operation> = O extends { readonly output: { readonly _output: { items: (infer T)[] } } }
  ? T
  : never;

/** Every item of a list, up to `itemsMax`, page by page. */
export async function allPages<O extends Operation>(
  api: ApiClient,
  operation: O,
  call: Partial<OperationCall<O>> = {},
  itemsMax = Number.POSITIVE_INFINITY,
): Promise<ItemOf<O>[]> {
  const items: unknown[] = [];
  for (let cursor: string | undefined; ;) {
    const limit = Math.min(limits.pageItemsMax, itemsMax - items.length);
    const query = { ...(call.query as object | undefined), limit, ...(cursor === undefined ? {} : { cursor }) };
    // the contract's lists all take `limit` and `cursor` and answer `items` and `next`
    const page = (await api.call<Operation>(operation, { params: {}, ...call, query, body: undefined })) as Page;
    items.push(...page.items);
    cursor = page.next;
    if (cursor === undefined || items.length >= itemsMax) return items as ItemOf<O>[];
  }
}
