import { UnavailableError, type Finding } from '../../shared/errors.ts';
import type { RecordWrite } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit, newId } from '../../shared/records/commit.ts';
import { datasetWrite, findDataset } from '../../shared/records/datasets.ts';
import { rejectVersion } from '../../shared/records/publish-version.ts';
import { purgeWrite } from '../../shared/records/purges.ts';
import { abandonWrites } from '../../shared/records/upload-targets.ts';
import { getUploadRecord, uploadWrite, type UploadRecord } from '../../shared/records/uploads.ts';
import { findVersion } from '../../shared/records/versions.ts';
import type { ValidatorDeps } from './validator-deps.ts';

/**
 * Rejects what an upload brought, or was to bring, when it cannot be validated through no fault of its own; not when the world is just
 * unavailable. The upload is settled whatever has become of what it is for.
 */
export async function giveUp(deps: ValidatorDeps, team: string, uploadId: string, cause: unknown): Promise<void> {
  const { world } = deps;
  if (cause instanceof UnavailableError) return;
  const { value, revision } = await getUploadRecord(world.table, team, uploadId);
  if (value.settled || value.state !== 'completed') return;
  const caller: Caller = { team, keyId: value.createdBy, scopes: [], requestId: newId(world, 'val') };
  const settled = uploadWrite({ ...value, settled: true }, revision);
  const { target } = value;
  if (
    target.kind === 'adapter' &&
    (await findVersion(world.table, team, target.versionId))?.value.state === 'validating'
  )
    return void (await rejectVersion(world, caller, target.versionId, [failed], { with: [settled] }));
  const writes = [...(await datasetWrites(deps, value)), ...(await abandonWrites(world, value, failed)), settled];
  await commit(world, caller, { action: 'upload.reject', resource: `uploads/${value.id}` }, writes);
}

const failed: Finding = {
  severity: 'error',
  code: 'validator-failed',
  message: 'The check itself failed, which is a bug in lorary; the log of the server has more. Try again later.',
};

/** For a dataset that has come; one that has not is abandoned like everything else. */
async function datasetWrites({ world }: ValidatorDeps, { team, target }: UploadRecord): Promise<RecordWrite[]> {
  if (target.kind !== 'dataset') return [];
  const dataset = await findDataset(world.table, team, target.dataset);
  if (dataset?.value.id !== target.datasetId || dataset.value.state !== 'validating') return [];
  const { id, name } = dataset.value;
  return [
    datasetWrite({ ...dataset.value, state: 'rejected', findings: [failed] }, dataset.revision),
    purgeWrite(world, { team, kind: 'dataset', id, name, why: 'rejected' }),
  ];
}
