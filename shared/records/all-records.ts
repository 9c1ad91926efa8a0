import type { RecordQuery, RecordTable, StoredRecord } from '../platform/ports.ts';

/** Every record of a partition or a list, page by page. */
export async function* allRecords(
  table: RecordTable,
  list: Pick<RecordQuery, 'partition' | 'index' | 'prefix' | 'reverse'>,
): AsyncGenerator<StoredRecord> {
  for (let after: string | undefined; ;) {
    const page = await table.query({ ...list, limit: pageRecords, ...(after === undefined ? {} : { after }) });
    yield* page.records;
    if (page.next === undefined) return;
    after = page.next;
  }
}

const pageRecords = 100;
