import { createHmac, timingSafeEqual } from 'node:crypto';
import { DomainError } from '../errors.ts';
import type { RecordQuery, StoredRecord, World } from '../platform/ports.ts';
import { platformSecret } from './secrets.ts';

export interface PageRequest {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: T[];
  readonly next?: string;
}

/**
 * One page of a list. Records that `keep` refuses are passed over, so that a page is full unless the list ends. A cursor is good only for
 * the list it came from. Throws `DomainError('bad-cursor')`.
 */
export async function readPage<T>(
  world: Pick<World, 'table' | 'randomBytes'>,
  query: Pick<RecordQuery, 'partition' | 'index' | 'prefix' | 'reverse'>,
  { limit, cursor }: PageRequest,
  keep: (record: StoredRecord) => T | undefined | Promise<T | undefined>,
): Promise<Page<T>> {
  const secret = await platformSecret(world, 'cursor');
  const binding = JSON.stringify([query.partition, query.index ?? '', query.prefix ?? '', query.reverse ?? false]);
  let after = cursor === undefined ? undefined : openCursor(secret, binding, cursor);
  const items: T[] = [];
  for (;;) {
    const page = await world.table.query({
      ...query,
      ...(after === undefined ? {} : { after }),
      limit: limit - items.length + 1,
    });
    for (const record of page.records) {
      const item = await keep(record);
      if (item === undefined) {
        after = sortOf(record, query.index);
        continue;
      }
      // one more than asked for: there is a next page
      if (items.length === limit) return { items, next: sealCursor(secret, binding, after ?? '') };
      items.push(item);
      after = sortOf(record, query.index);
    }
    if (page.next === undefined) return { items };
    after = page.next;
  }
}

function sortOf(record: StoredRecord, index: RecordQuery['index']): string {
  return (index === undefined ? record.key : record[index])?.sort ?? '';
}

function sealCursor(secret: Uint8Array, binding: string, sort: string): string {
  return `${Buffer.from(sort).toString('base64url')}.${sign(secret, binding, sort).toString('base64url')}`;
}

function openCursor(secret: Uint8Array, binding: string, cursor: string): string {
  const [sortText = '', signature = ''] = cursor.split('.');
  const sort = Buffer.from(sortText, 'base64url').toString();
  const [given, right] = [Buffer.from(signature, 'base64url'), sign(secret, binding, sort)];
  if (given.length !== right.length || !timingSafeEqual(given, right))
    throw new DomainError('bad-cursor', 'This cursor does not belong to this list: begin again without one.');
  return sort;
}

const sign = (secret: Uint8Array, binding: string, sort: string): Buffer =>
  createHmac('sha256', secret).update(binding).update('\0').update(sort).digest().subarray(0, 16);
