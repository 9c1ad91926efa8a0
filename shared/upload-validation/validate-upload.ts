import type { RecordWrite, World } from '../platform/ports.ts';
import type { Caller } from '../records/caller.ts';
import { commit, newId } from '../records/commit.ts';
import { findDataset } from '../records/datasets.ts';
import type { Stored } from '../records/stored.ts';
import { dropParts, getUploadRecord, uploadWrite, type UploadRecord } from '../records/uploads.ts';
import { findVersion } from '../records/versions.ts';
import { validateDataset } from './validate-dataset.ts';
import { validateVersion } from './validate-version.ts';
import type { ValidationDeps } from './validation-deps.ts';

/**
 * Validates what an upload brought, whose parts are joined: publishes or rejects it and settles the upload, in one transaction with
 * `checks`. Repeating it is safe, and so is doing it twice at once. Throws `ConditionError` when someone else has done the same, or changed
 * what it rests on: the next look tells.
 */
export async function validateUpload(
  deps: ValidationDeps,
  upload: Stored<UploadRecord>,
  checks: readonly RecordWrite[] = [],
): Promise<void> {
  const { value, revision } = upload;
  const { table } = deps.world;
  const { team, target } = value;
  const caller = senderOf(deps.world, value);
  const settled = { with: [uploadWrite({ ...value, settled: true }, revision), ...checks] };
  if (target.kind === 'adapter') {
    const version = await findVersion(table, team, target.versionId);
    if (version?.value.state === 'validating') return validateVersion(deps, caller, target.versionId, settled);
  }
  if (target.kind === 'dataset') {
    const dataset = await findDataset(table, team, target.dataset);
    if (dataset?.value.id === target.datasetId && dataset.value.state === 'validating')
      return validateDataset(deps, caller, dataset, settled);
  }
  // a base is the import's by now; whatever else it was for is decided, or gone
  const now = await getUploadRecord(table, team, value.id);
  if (now.value.settled || now.revision !== revision) return;
  await dropParts(deps.world, value);
  await commit(deps.world, caller, { action: 'upload.settle', resource: `uploads/${value.id}` }, settled.with);
}

/** An upload is looked at on behalf of the key that began it. */
export function senderOf(world: Pick<World, 'randomBytes'>, { team, createdBy }: UploadRecord): Caller {
  return { team, keyId: createdBy, scopes: [], requestId: newId(world, 'val') };
}
