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

/** What is listed, and in which order. */
export type ListQuery = Pick<RecordQuery, 'partition' | 'index' | 'prefix' | 'reverse'>;

export interface PageOptions {
  /** Looks into the table for one page; then it ends, shorter than asked for, with what is left as the next one. Absent: as many as it takes. */
  readonly readsMax?: number;
  /** Records of one look, where most are passed over; absent: those that are asked for. */
  readonly recordsEach?: number;
}

type Keep<T> = (record: StoredRecord) => T | undefined | Promise<T | undefined>;

/**
 * One page of a list. Records that `keep` refuses are passed over, so that a page is full unless the list ends. A cursor is good only for
 * the list it came from. Throws `DomainError('bad-cursor')`.
 */
export async function readPage<T>(
  world: Pick<World, 'table' | 'randomBytes'>,
  list: ListQuery,
  request: PageRequest,
  keep: Keep<T>,
): Promise<Page<T>> {
  return readPages(world, [list], request, keep);
}

/** One page of several lists, one after the other. Throws `DomainError('bad-cursor')`. */
export async function readPages<T>(
  world: Pick<World, 'table' | 'randomBytes'>,
  lists: readonly ListQuery[],
  { limit, cursor }: PageRequest,
  keep: Keep<T>,
  { readsMax = Infinity, recordsEach }: PageOptions = {},
): Promise<Page<T>> {
  const secret = await platformSecret(world, 'cursor');
  const binding = JSON.stringify(
    lists.map(({ partition, index = '', prefix = '', reverse = false }) => [partition, index, prefix, reverse]),
  );
  const begin = cursor === undefined ? { list: 0, after: undefined } : openCursor(secret, binding, cursor);
  const items: T[] = [];
  let last = '';
  let reads = 0;
  for (const [at, list] of lists.entries()) {
    if (at < begin.list) continue;
    let after = at === begin.list ? (begin.after ?? undefined) : undefined;
    for (;;) {
      if (reads++ >= readsMax) return { items, next: sealCursor(secret, binding, JSON.stringify([at, after ?? null])) };
      const page = await world.table.query({
        ...list,
        ...(after === undefined ? {} : { after }),
        limit: recordsEach ?? limit - items.length + 1,
      });
      for (const record of page.records) {
        const item = await keep(record);
        after = (list.index === undefined ? record.key : record[list.index])?.sort ?? '';
        if (item === undefined) continue;
        // one more than asked for: there is a next page
        if (items.length === limit) return { items, next: sealCursor(secret, binding, last) };
        items.push(item);
        last = JSON.stringify([at, after]);
      }
      if (page.next === undefined) break;
      after = page.next;
    }
  }
  return { items };
}

function sealCursor(secret: Uint8Array, binding: string, place: string): string {
  return `${Buffer.from(place).toString('base64url')}.${sign(secret, binding, place).toString('base64url')}`;
}

function openCursor(secret: Uint8Array, binding: string, cursor: string): { list: number; after: string | null } {
  const [placeText = '', signature = ''] = cursor.split('.');
  const place = Buffer.from(placeText, 'base64url').toString();
  const [given, right] = [Buffer.from(signature, 'base64url'), sign(secret, binding, place)];
  if (given.length !== right.length || !timingSafeEqual(given, right))
    throw new DomainError('bad-cursor', 'This cursor does not belong to this list: begin again without one.');
  const [list, after] = JSON.parse(place) as [number, string | null]; // signed by us
  return { list, after };
}

const sign = (secret: Uint8Array, binding: string, place: string): Buffer =>
  createHmac('sha256', secret).update(binding).update('\0').update(place).digest().subarray(0, 16);
