import type { BlobRef, World } from '../../shared/platform/ports.ts';

/** A world that dies at a write: `before` it, or when it is done and nobody knows. Nothing can be written after that. */
export function dyingWorld(
  living: World,
  at: number,
  when: 'before' | 'after',
): { readonly world: World; readonly died: () => boolean } {
  const { table, blobs } = living;
  let writes = 0;
  const write = async <T>(work: () => Promise<T>): Promise<T> => {
    writes++;
    if (writes > at || (writes === at && when === 'before')) throw new Error('killed');
    const result = await work();
    if (writes === at) throw new Error('killed');
    return result;
  };
  const dyingTable: World['table'] = {
    get: (key) => table.get(key),
    query: (query) => table.query(query),
    put: (record, condition) => write(() => table.put(record, condition)),
    delete: (key, condition) => write(() => table.delete(key, condition)),
    increment: (key, field, by, options) => write(() => table.increment(key, field, by, options)),
    transact: (changes, options) => write(() => table.transact(changes, options)),
  };
  const dyingBlobs = Object.assign(Object.create(blobs) as World['blobs'], {
    list: (prefix: string) => blobs.list(prefix),
    delete: (ref: BlobRef) => write(() => blobs.delete(ref)),
  });
  return { world: { ...living, table: dyingTable, blobs: dyingBlobs }, died: () => writes >= at };
}
