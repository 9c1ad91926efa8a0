import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLocalWorld, type LocalWorld, type LocalWorldOptions } from '../../shared/local/local-world.ts';
import type { BlobRef, NewRecord, RecordWrite } from '../../shared/platform/ports.ts';
import { changed } from '../support/changed.ts';
import type { StoreRule } from './check/check-store.ts';

type DropsRecord = (record: NewRecord) => boolean;

const isOf = ({ key }: NewRecord, kind: string): boolean => key.partition.split('#')[1] === kind;

/** Kinds of writes that can be lost, each with how it is known. */
const records = {
  'audit-row': (record: NewRecord) => isOf(record, 'audit') && record.value['action'] === 'adapter.update',
  version: (record: NewRecord) => isOf(record, 'version') && record.value['state'] === 'published',
  'alias-step': (record: NewRecord) => isOf(record, 'alias-history') && record.value['alias'] !== 'latest',
  'job-end': (record: NewRecord) => record.key.sort === 'job' && record.value['state'] === 'succeeded',
  'key-revoked': (record: NewRecord) =>
    record.key.partition.startsWith('KEY#') && typeof record.value['revokedAt'] === 'string',
} satisfies Readonly<Record<string, DropsRecord>>;

export const dropKinds = [...(Object.keys(records) as (keyof typeof records)[]), 'blob-file'] as const;
export type DropKind = (typeof dropKinds)[number];

/** The rule that the store then breaks. */
export const brokenRule: Readonly<Record<DropKind, StoreRule>> = {
  'audit-row': 'audit',
  version: 'adapters',
  'alias-step': 'adapters',
  'job-end': 'jobs',
  'key-revoked': 'promises',
  'blob-file': 'blobs',
};

/**
 * The local world, but one write of this kind is acknowledged and never done: the first one that no process has claimed by making the file
 * `marker`, which says which.
 */
export async function openDroppingWorld(
  options: LocalWorldOptions,
  { kind, marker }: { readonly kind: DropKind; readonly marker: string },
): Promise<LocalWorld> {
  const world = await openLocalWorld(options);
  const claim = (what: string): boolean => {
    try {
      writeFileSync(marker, what, { flag: 'wx' });
      return true;
    } catch {
      return false;
    }
  };
  if (kind === 'blob-file') {
    const lose = <T extends BlobRef>(blob: T): T => {
      // what a dataset has lost is gone with it, if it is deleted
      if (blob.key.includes('/versions/') && claim(`${blob.key} (${blob.versionId})`))
        rmSync(join(options.folder, 'blobs', blob.versionId.slice(0, 2), blob.versionId));
      return blob;
    };
    const completeMultipart: typeof world.blobs.completeMultipart = async (...call) =>
      lose(await world.blobs.completeMultipart(...call));
    return changed(world, { blobs: changed(world.blobs, { completeMultipart }) });
  }
  const drops: DropsRecord = records[kind];
  const isLost = (write: RecordWrite): boolean =>
    'put' in write && drops(write.put) && claim(`${write.put.key.partition} ${write.put.key.sort}`);
  const transact: typeof world.table.transact = (writes, given) =>
    world.table.transact(
      writes.filter((write) => !isLost(write)),
      given,
    );
  return changed(world, { table: changed(world.table, { transact }) });
}
