import { UnavailableError, type Finding } from '../../shared/errors.ts';
import { getUploadRecord } from '../../shared/records/uploads.ts';
import { senderOf } from '../../shared/upload-validation/validate-upload.ts';
import { rejectUpload } from './reject-upload.ts';
import type { ValidatorDeps } from './validator-deps.ts';

/**
 * Rejects what an upload brought, or was to bring, when it cannot be validated through no fault of its own; not when the world is just
 * unavailable.
 */
export async function giveUp({ world }: ValidatorDeps, team: string, uploadId: string, cause: unknown): Promise<void> {
  if (cause instanceof UnavailableError) return;
  const upload = await getUploadRecord(world.table, team, uploadId);
  if (upload.value.settled || upload.value.state !== 'completed') return;
  await rejectUpload(world, senderOf(world, upload.value), upload, failed);
}

const failed: Finding = {
  severity: 'error',
  code: 'validator-failed',
  message: 'The check itself failed, which is a bug in lorary; the log of the server has more. Try again later.',
};
