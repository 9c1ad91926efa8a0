import type { Finding } from '../../shared/errors.ts';
import type { RecordWrite, World } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit } from '../../shared/records/commit.ts';
import { datasetWrite, findDataset } from '../../shared/records/datasets.ts';
import { rejectVersion } from '../../shared/records/publish-version.ts';
import { purgeWrite } from '../../shared/records/purges.ts';
import type { Stored } from '../../shared/records/stored.ts';
import { abandonWrites } from '../../shared/records/upload-targets.ts';
import { uploadWrite, type UploadRecord } from '../../shared/records/uploads.ts';
import { findVersion } from '../../shared/records/versions.ts';

/** Rejects what an upload brought, or was to bring, and settles it whatever has become of what it is for. Throws `ConditionError`. */
export async function rejectUpload(
  world: World,
  caller: Caller,
  { value, revision }: Stored<UploadRecord>,
  finding: Finding,
): Promise<void> {
  const settled = uploadWrite({ ...value, settled: true }, revision);
  const { target, team } = value;
  if (
    target.kind === 'adapter' &&
    (await findVersion(world.table, team, target.versionId))?.value.state === 'validating'
  )
    return void (await rejectVersion(world, caller, target.versionId, [finding], { with: [settled] }));
  const writes = [
    ...(await datasetWrites(world, value, finding)),
    ...(await abandonWrites(world, value, finding)),
    settled,
  ];
  await commit(world, caller, { action: 'upload.reject', resource: `uploads/${value.id}` }, writes);
}

/** For a dataset that has come; one that has not is abandoned like everything else. */
async function datasetWrites(world: World, { team, target }: UploadRecord, finding: Finding): Promise<RecordWrite[]> {
  if (target.kind !== 'dataset') return [];
  const dataset = await findDataset(world.table, team, target.dataset);
  if (dataset?.value.id !== target.datasetId || dataset.value.state !== 'validating') return [];
  const { id, name } = dataset.value;
  return [
    datasetWrite({ ...dataset.value, state: 'rejected', findings: [finding] }, dataset.revision),
    purgeWrite(world, { team, kind: 'dataset', id, name, why: 'rejected' }),
  ];
}
