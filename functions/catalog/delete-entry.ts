import { DomainError } from '../../shared/errors.ts';
import { ConditionError, type RecordKey, type RecordWrite, type World } from '../../shared/platform/ports.ts';
import type { BaseRecord } from '../../shared/records/bases.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit } from '../../shared/records/commit.ts';
import type { DatasetRecord } from '../../shared/records/datasets.ts';
import { purgeWrite } from '../../shared/records/purges.ts';
import type { Stored } from '../../shared/records/stored.ts';
import { getUploadRecord, settleAborted, uploadWrite, type UploadRecord } from '../../shared/records/uploads.ts';

/** An entry of the catalog and, where it still waits for its files, the upload that goes with it. */
export interface DeletedEntry {
  readonly kind: 'base' | 'dataset' | 'composition';
  readonly name: string;
  readonly key: RecordKey;
  readonly revision: number;
  readonly uploadId?: string | null;
  /** Where it has bytes: they go some time later, and jobs that were made with it find it until then. */
  readonly record?: BaseRecord | DatasetRecord;
}

/** Takes an entry out of reach; the name is free at once. Throws `DomainError('changed-meanwhile')`. */
export async function deleteEntry(world: World, caller: Caller, entry: DeletedEntry): Promise<undefined> {
  const { kind, name, key, revision, uploadId, record } = entry;
  const open = uploadId ? await openUploadOf(world, caller, uploadId) : undefined;
  const aborted: UploadRecord | undefined = open && { ...open.value, state: 'aborted' };
  const writes: RecordWrite[] = [{ delete: key, condition: { ifRevision: revision } }];
  if (record && kind !== 'composition')
    writes.push(purgeWrite(world, { team: record.team, kind, id: record.id, name, why: 'deleted', record }));
  if (aborted) writes.push(uploadWrite(aborted, open?.revision));
  try {
    await commit(world, caller, { action: `${kind}.delete`, resource: `${kind}s/${name}` }, writes);
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    throw new DomainError(
      'changed-meanwhile',
      `The ${kind} "${name}" was changed meanwhile: look at it and try again.`,
    );
  }
  if (open && aborted) await settleAborted(world, { value: aborted, revision: open.revision + 1 });
  return undefined;
}

async function openUploadOf(world: World, { team }: Caller, id: string): Promise<Stored<UploadRecord> | undefined> {
  const upload = await getUploadRecord(world.table, team, id);
  return upload.value.state === 'open' ? upload : undefined;
}
