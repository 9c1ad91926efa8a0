import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { operation, type nothing, type Operation } from './operation.ts';

/** `cursor` is the `next` of the page before. */
const pageQuery = {
  limit: z.coerce.number().int().min(1).max(limits.pageItemsMax).default(limits.pageItemsDefault),
  cursor: z.string().max(limits.cursorCharsMax).optional(),
};

const pageOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().optional() });

/** Defines an operation that lists: a page of `item`s at a time, of those that pass the `filters`. */
export function listOperation<
  Item extends z.ZodType,
  Params extends z.ZodObject = typeof nothing,
  Filters extends z.ZodRawShape = typeof nothing.shape,
>(
  given: Pick<Operation, 'operationId' | 'path' | 'tag' | 'summary' | 'scope'> & {
    readonly readsShared?: boolean;
    readonly params?: Params;
    readonly filters?: Filters;
    readonly item: Item;
  },
) {
  const { filters, item, ...rest } = given;
  // absent exactly where the type parameter has its default
  const query = z.object({ ...pageQuery, ...filters }) as z.ZodObject<typeof pageQuery & Filters>;
  return operation({ ...rest, method: 'get', query, output: pageOf(item) });
}
