import { UnavailableError } from '../../shared/errors.ts';
import { ConditionError } from '../../shared/platform/ports.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { fenceCheck, FencedOutError, readFence } from '../../shared/records/job-fence.ts';
import { getUploadRecord } from '../../shared/records/uploads.ts';
import { validationRequestSchema } from '../../shared/records/validation-job.ts';
import { inspect } from '../../shared/upload-validation/inspect.ts';
import { validateUpload as validate } from '../../shared/upload-validation/validate-upload.ts';
import type { Container } from './container.ts';

/**
 * Validates an upload that is too large for a function, as the function would, while the job is this container's. What was sent being
 * wrong is no failure of the job. Throws `DomainError`, `FencedOutError`, `UnavailableError`.
 */
export async function validateUpload(container: Container): Promise<void> {
  const { world, caller, fence, job, voice } = container;
  const { uploadId } = validationRequestSchema.parse(job.request);
  for (let tries = 1; !(await isSettled(container, uploadId)); tries += 1)
    if (tries > triesMax) throw new UnavailableError('The upload was changed again and again: try again.');
  container.onStage?.('published');
  await voice.flush();
  await changeJobRecord(world, caller, job.id, { type: 'succeed' }, { fence });
}

/** Whether nothing is left to do for the upload; does it otherwise, unless what it rests on changes meanwhile. */
async function isSettled({ world, fence, job, end }: Container, uploadId: string): Promise<boolean> {
  const upload = await getUploadRecord(world.table, job.team, uploadId);
  if (upload.value.settled) return true;
  try {
    await validate({ world, inspect, stop: end }, upload, [fenceCheck(fence)]);
  } catch (error) {
    if (end.aborted) throw new UnavailableError('The validation was stopped before it was complete.', { cause: error });
    if (!(error instanceof ConditionError)) throw error;
    const { revision } = await readFence(world.table, job.team, job.id);
    if (revision !== fence.revision) throw new FencedOutError({ cause: error });
  }
  return false;
}

/** Adapters and aliases may change while it is published. */
const triesMax = 5;
