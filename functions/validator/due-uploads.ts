import type { World } from '../../shared/platform/ports.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import { keys } from '../../shared/records/keys.ts';
import { readUpload, type UploadRecord } from '../../shared/records/uploads.ts';

/** Uploads that are not settled though they should be: completed ones, and those that have expired. */
export async function* dueUploads({ table, now }: Pick<World, 'table' | 'now'>): AsyncGenerator<UploadRecord> {
  for await (const record of allRecords(table, { partition: keys.activeUploads, index: 'index1' })) {
    const { value } = readUpload(record);
    if (value.state !== 'open' || Date.parse(value.expiresAt) <= now()) yield value;
  }
}
