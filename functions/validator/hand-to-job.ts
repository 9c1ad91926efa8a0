import { hasEnded } from '../../shared/domain/job-states.ts';
import type { World } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit } from '../../shared/records/commit.ts';
import { findJob } from '../../shared/records/jobs.ts';
import type { Stored } from '../../shared/records/stored.ts';
import { jobWrites, startRun } from '../../shared/records/submit-job.ts';
import { uploadWrite, type UploadRecord } from '../../shared/records/uploads.ts';
import { newValidationJob } from '../../shared/records/validation-job.ts';
import { rejectUpload } from './reject-upload.ts';

/**
 * Has a job validate an upload, once; what it brought is rejected when that job has ended and not settled it, because it failed or was
 * cancelled. Throws `ConditionError` when another look was faster.
 */
export async function handToJob(world: World, caller: Caller, upload: Stored<UploadRecord>): Promise<void> {
  const { value, revision } = upload;
  const known = value.jobId === null ? undefined : (await findJob(world.table, value.team, value.jobId))?.value;
  if (known) {
    if (!hasEnded(known.state)) return;
    return rejectUpload(world, caller, upload, {
      severity: 'error',
      code: `validation-${known.state}`,
      message: known.reason,
    });
  }
  const job = newValidationJob(world, caller, value.id);
  const change = { action: 'upload.validate', resource: `uploads/${value.id}`, detail: { jobId: job.id } };
  await commit(world, caller, change, [uploadWrite({ ...value, jobId: job.id }, revision), ...jobWrites(job)]);
  await startRun(world, job);
}
