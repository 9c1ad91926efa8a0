import { ConditionError } from '../../shared/platform/ports.ts';
import { abandonUpload } from '../../shared/records/abandon-upload.ts';
import { handOver } from '../../shared/records/hand-over.ts';
import { getUploadRecord, settleAborted, type UploadRecord } from '../../shared/records/uploads.ts';
import { senderOf, validateUpload } from '../../shared/upload-validation/validate-upload.ts';
import { handToJob } from './hand-to-job.ts';
import type { ValidatorDeps } from './validator-deps.ts';

/**
 * Does what is left to do for an upload: drops one that has expired or was given up, joins the parts of one that is completed, validates what it
 * brought, or has a job do it. Repeating it is safe, and so is doing it twice at once: every end is one conditional write.
 */
export async function takeUpload(deps: ValidatorDeps, team: string, uploadId: string): Promise<void> {
  const { world } = deps;
  const upload = await getUploadRecord(world.table, team, uploadId);
  const caller = senderOf(world, upload.value);
  if (upload.value.settled) return;
  if (upload.value.state === 'open') {
    if (Date.parse(upload.value.expiresAt) > world.now()) return;
    return ignoreLostRace(() => abandonUpload(world, caller, upload, 'upload-expired'));
  }
  if (upload.value.state === 'aborted') return settleAborted(world, upload);
  await handOver(world, caller, upload);
  // one that a job has stays with it
  const isForJob = upload.value.jobId !== null || isTooLarge(deps, upload.value);
  await ignoreLostRace(() => (isForJob ? handToJob(world, caller, upload) : validateUpload(deps, upload)));
}

/** A base is imported by a job, however large it is. */
function isTooLarge({ jobAboveBytes = Infinity }: ValidatorDeps, { target, files }: UploadRecord): boolean {
  return target.kind !== 'base' && files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) > jobAboveBytes;
}

/** Someone else has done the same, or changed what it rests on: the next look tells. */
async function ignoreLostRace(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
  }
}
