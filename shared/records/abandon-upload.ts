import type { Finding } from '../errors.ts';
import type { World } from '../platform/ports.ts';
import type { Caller } from './caller.ts';
import { commit } from './commit.ts';
import type { Stored } from './stored.ts';
import { abandonWrites } from './upload-targets.ts';
import { settleAborted, uploadWrite, type UploadRecord } from './uploads.ts';

/** Gives an open upload up, and with it what waited for its files. Throws `ConditionError` when it was completed or given up meanwhile. */
export async function abandonUpload(
  world: World,
  caller: Caller,
  { value, revision }: Stored<UploadRecord>,
  why: 'upload-aborted' | 'upload-expired',
): Promise<void> {
  const finding: Finding = { severity: 'error', code: why, message: messages[why] };
  const aborted: UploadRecord = { ...value, state: 'aborted' };
  const writes = [uploadWrite(aborted, revision), ...(await abandonWrites(world, value, finding))];
  await commit(world, caller, { action: 'upload.abort', resource: `uploads/${value.id}`, detail: { why } }, writes);
  await settleAborted(world, { value: aborted, revision: revision + 1 });
}

const messages = {
  'upload-aborted': 'The upload was given up before it was complete: begin a new one.',
  'upload-expired': 'The upload was not completed in time: begin a new one.',
} as const;
