import { completeUpload as operation } from '../../shared/contract/uploads.ts';
import { DomainError, refuseErrors, type Finding } from '../../shared/errors.ts';
import { ConditionError, type World } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit } from '../../shared/records/commit.ts';
import { handOver } from '../../shared/records/hand-over.ts';
import { presentUpload } from '../../shared/records/present-upload.ts';
import type { Stored } from '../../shared/records/stored.ts';
import { partBytes, partCount, uploadWrite, type UploadRecord } from '../../shared/records/uploads.ts';
import { handler } from '../http/handler.ts';
import { findUpload, refuseClosed } from './find-upload.ts';

/**
 * From the first write on nothing more can be sent, and what is left to do is done again by whoever looks next: a repeated call, or the
 * sweep of the validator.
 */
export const completeUpload = handler(operation, async ({ world }, caller, { params }) => {
  const found = await findUpload(world, caller, params.upload);
  const { team, id } = found.value;
  const completed = found.value.state === 'completed' ? found : await close(world, caller, found);
  if (!completed.value.settled) {
    await handOver(world, caller, completed);
    await world.events.publish({ type: 'upload-completed', team, uploadId: id });
  }
  return presentUpload(world, completed.value);
});

async function close(world: World, caller: Caller, upload: Stored<UploadRecord>): Promise<Stored<UploadRecord>> {
  const { value, revision } = upload;
  refuseClosed(world, value);
  refuseErrors('upload-incomplete', 'Not everything has been sent:', await missingParts(world, value));
  const after: UploadRecord = { ...value, state: 'completed' };
  const change = { action: 'upload.complete', resource: `uploads/${value.id}` };
  try {
    await commit(world, caller, change, [uploadWrite(after, revision)]);
    return { value: after, revision: revision + 1 };
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    const now = await findUpload(world, caller, value.id);
    if (now.value.state === 'completed') return now;
    throw new DomainError('upload-closed', `The upload is ${now.value.state} by now: begin a new one.`);
  }
}

/** One finding for each file that is not whole. */
async function missingParts({ blobs }: Pick<World, 'blobs'>, { files }: UploadRecord): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { path, sizeBytes, blobKey, multipartId } of files) {
    const received = new Map(
      (await blobs.listParts(blobKey, multipartId)).map((part) => [part.number, part.sizeBytes] as const),
    );
    const missing = Array.from({ length: partCount(sizeBytes) }, (_, at) => at + 1).filter(
      (number) => received.get(number) !== partBytes(sizeBytes, number),
    );
    if (missing.length === 0) continue;
    const shown = `${missing.slice(0, 10).join(', ')}${missing.length > 10 ? ', ...' : ''}`;
    const message = `${missing.length} of ${partCount(sizeBytes)} parts are missing (${shown}): send them.`;
    findings.push({ severity: 'error', code: 'upload-incomplete', message, where: path });
  }
  return findings;
}
