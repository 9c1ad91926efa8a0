import { ConditionError } from '../../shared/platform/ports.ts';
import { abandonUpload } from '../../shared/records/abandon-upload.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit, newId } from '../../shared/records/commit.ts';
import { findDataset } from '../../shared/records/datasets.ts';
import { handOver } from '../../shared/records/hand-over.ts';
import type { EndOptions } from '../../shared/records/publish-version.ts';
import type { Stored } from '../../shared/records/stored.ts';
import {
  dropParts,
  getUploadRecord,
  settleAborted,
  uploadWrite,
  type UploadRecord,
} from '../../shared/records/uploads.ts';
import { findVersion } from '../../shared/records/versions.ts';
import { validateDataset } from './validate-dataset.ts';
import { validateVersion } from './validate-version.ts';
import type { ValidatorDeps } from './validator-deps.ts';

/**
 * Does what is left to do for an upload: drops one that has expired or was given up, joins the parts of one that is completed, validates what it
 * brought. Repeating it is safe, and so is doing it twice at once: every end is one conditional write.
 */
export async function takeUpload(deps: ValidatorDeps, team: string, uploadId: string): Promise<void> {
  const { world } = deps;
  const upload = await getUploadRecord(world.table, team, uploadId);
  const caller = callerOf(deps, upload.value);
  if (upload.value.settled) return;
  if (upload.value.state === 'open') {
    if (Date.parse(upload.value.expiresAt) > world.now()) return;
    return ignoreLostRace(() => abandonUpload(world, caller, upload, 'upload-expired'));
  }
  if (upload.value.state === 'aborted') return settleAborted(world, upload);
  await handOver(world, caller, upload);
  const settled = { with: [uploadWrite({ ...upload.value, settled: true }, upload.revision)] };
  await ignoreLostRace(() => validateTarget(deps, caller, upload, settled));
}

async function validateTarget(
  deps: ValidatorDeps,
  caller: Caller,
  { value, revision }: Stored<UploadRecord>,
  settled: EndOptions,
): Promise<void> {
  const { table } = deps.world;
  const { team, target } = value;
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
  await commit(deps.world, caller, { action: 'upload.settle', resource: `uploads/${value.id}` }, settled.with ?? []);
}

/** Validates on behalf of the key that began the upload. */
function callerOf({ world }: ValidatorDeps, { team, createdBy }: UploadRecord): Caller {
  return { team, keyId: createdBy, scopes: [], requestId: newId(world, 'val') };
}

/** Someone else has done the same, or changed what it rests on: the next look tells. */
async function ignoreLostRace(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
  }
}
