import { invariant, type Finding } from '../../shared/errors.ts';
import type { RecordTable, RecordWrite, World } from '../../shared/platform/ports.ts';
import { baseWrite, findBase } from '../../shared/records/bases.ts';
import { blobPrefixes } from '../../shared/records/blob-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit } from '../../shared/records/commit.ts';
import { datasetWrite, findDataset } from '../../shared/records/datasets.ts';
import { dropBlobs } from '../../shared/records/drop-blobs.ts';
import { emptied } from '../../shared/records/holdings.ts';
import { keys } from '../../shared/records/keys.ts';
import { purgeChange, type PurgeRecord } from '../../shared/records/purges.ts';
import type { Stored } from '../../shared/records/stored.ts';
import { transactStored } from '../../shared/records/transact-stored.ts';
import { findVersion, versionWrite } from '../../shared/records/versions.ts';

/** Lets the bytes of a version, a dataset or a base go; of what was rejected the record stays, with its findings. */
export async function purgeContent(world: World, caller: Caller, purge: Stored<PurgeRecord>): Promise<void> {
  const { team, id, kind, why } = purge.value;
  invariant(kind === 'version' || kind === 'dataset' || kind === 'base', `a ${kind} has no bytes of its own`);
  const writes = why === 'deleted' ? await deletedWrites(world.table, purge) : await rejectedWrites(world.table, purge);
  if (writes.length > 0)
    await commit(world, caller, { action: `${kind}.purge`, resource: `${kind}s/${id}`, detail: { why } }, writes);
  await dropBlobs(world, blobPrefixes[kind](team, id));
  await transactStored(world, team, [], [emptied(id)]);
}

/** From here on nothing finds the bytes any more. */
async function deletedWrites(
  table: RecordTable,
  { value, revision }: Stored<PurgeRecord>,
): Promise<readonly RecordWrite[]> {
  const manifest = { delete: keys.manifest(value.team, value.id) };
  if (value.kind !== 'version')
    return value.record === null ? [] : [purgeChange({ ...value, record: null }, revision), manifest];
  const version = await findVersion(table, value.team, value.id);
  return version
    ? [{ delete: keys.version(value.team, value.id), condition: { ifRevision: version.revision } }, manifest]
    : [];
}

async function rejectedWrites(table: RecordTable, purge: Stored<PurgeRecord>): Promise<readonly RecordWrite[]> {
  const { team, id, kind } = purge.value;
  const name = purge.value.name ?? '';
  // what was rejected stays so; what is not found was deleted, which has a note of its own
  switch (kind) {
    case 'version': {
      const found = await findVersion(table, team, id);
      if (found?.value.state !== 'rejected' || found.value.files.length === 0) return [];
      const findings = [...found.value.findings, filesGone];
      return [versionWrite({ ...found.value, files: [], findings }, found.revision)];
    }
    case 'dataset': {
      const found = await findDataset(table, team, name);
      if (found?.value.id !== id || found.value.state !== 'rejected' || found.value.file === null) return [];
      const findings = [...found.value.findings, filesGone];
      return [datasetWrite({ ...found.value, file: null, findings }, found.revision)];
    }
    case 'base': {
      const found = await findBase(table, team, name);
      if (found?.value.id !== id || found.value.state !== 'failed' || found.value.files.length === 0) return [];
      const findings = [...found.value.findings, filesGone];
      return [baseWrite({ ...found.value, files: [], sizeBytes: 0, findings }, found.revision)];
    }
    default:
      return [];
  }
}

const filesGone: Finding = {
  severity: 'warning',
  code: 'files-gone',
  message: 'Its files were kept for a while after it was refused and are gone now: what was found stays.',
};
