import { DomainError } from '../errors.ts';
import { ConditionError, type BlobInfo, type World } from '../platform/ports.ts';
import type { Caller } from './caller.ts';
import { commit } from './commit.ts';
import type { Stored } from './stored.ts';
import type { StoredFile } from './stored-file.ts';
import { startRun } from './submit-job.ts';
import { arrivalWrites, targetWaits } from './upload-targets.ts';
import type { UploadFile, UploadRecord } from './uploads.ts';

/**
 * Joins the parts of an upload that is completed and gives the files to what they are for, if that still waits for them. It goes on
 * where another try ended, so repeating it is safe.
 */
export async function handOver(world: World, caller: Caller, upload: Stored<UploadRecord>): Promise<void> {
  if (!(await targetWaits(world, upload.value))) return;
  const files: StoredFile[] = [];
  for (const file of upload.value.files) files.push(await joinParts(world, file));
  const arrival = await arrivalWrites(world, caller, upload, files);
  if (!arrival) return;
  try {
    await commit(world, caller, { action: 'upload.arrive', resource: `uploads/${upload.value.id}` }, arrival.writes);
  } catch (error) {
    // another try has handed it over, or its target is gone
    if (error instanceof ConditionError) return;
    throw error;
  }
  if (arrival.job) await startRun(world, arrival.job);
}

async function joinParts({ blobs }: Pick<World, 'blobs'>, file: UploadFile): Promise<StoredFile> {
  const { path, sizeBytes, sha256, blobKey, multipartId } = file;
  const join = async (): Promise<BlobInfo> => {
    try {
      return await blobs.completeMultipart(blobKey, multipartId, await blobs.listParts(blobKey, multipartId));
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'no-such-upload') throw error;
      // an earlier try has joined them: asking again gives what it made
      return blobs.completeMultipart(blobKey, multipartId, []);
    }
  };
  const { key, versionId } = await join();
  return { path, sizeBytes, sha256, blob: { key, versionId } };
}
