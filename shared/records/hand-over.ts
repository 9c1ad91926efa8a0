import { DomainError, type Finding } from '../errors.ts';
import { ConditionError, type World } from '../platform/ports.ts';
import type { Caller } from './caller.ts';
import type { Stored } from './stored.ts';
import type { StoredFile } from './stored-file.ts';
import { startRun } from './submit-job.ts';
import { abandonWrites, arrivalWrites, targetWaits } from './upload-targets.ts';
import { commitStored } from './transact-stored.ts';
import { dropParts, thingOf, uploadWrite, type UploadFile, type UploadRecord } from './uploads.ts';

/**
 * Joins the parts of an upload that is completed and gives the files to what they are for, if that still waits for them. It goes on
 * where another try ended, so repeating it is safe. What they are for is rejected when the store has dropped them meanwhile: nothing is
 * left to be joined, and nothing would ever come.
 */
export async function handOver(world: World, caller: Caller, upload: Stored<UploadRecord>): Promise<void> {
  if (!(await targetWaits(world, upload.value))) return;
  const files: StoredFile[] = [];
  for (const file of upload.value.files) {
    const joined = await joinParts(world, file);
    if (!joined) return rejectLost(world, caller, upload, { path: file.path, joined: files });
    files.push(joined);
  }
  const arrival = await arrivalWrites(world, caller, upload, files);
  if (!arrival) return;
  try {
    const change = { action: 'upload.arrive', resource: `uploads/${upload.value.id}` };
    const writer = arrival.job ? { writer: arrival.job.id } : {};
    const { target, createdBy: keyId } = upload.value;
    const arrived = { id: thingOf(target), keyId, bytes: bytesOf(files), reserved: 0, ...writer };
    await commitStored(world, caller, change, arrival.writes, [arrived]);
  } catch (error) {
    // another try has handed it over, or its target is gone
    if (error instanceof ConditionError) return;
    throw error;
  }
  if (arrival.job) await startRun(world, arrival.job);
}

/** Undefined when the parts are not there any more. */
async function joinParts({ blobs }: Pick<World, 'blobs'>, file: UploadFile): Promise<StoredFile | undefined> {
  const { path, sizeBytes, sha256, blobKey, multipartId } = file;
  const blob = await orGone(async () => {
    const parts = await orGone(() => blobs.listParts(blobKey, multipartId));
    // an earlier try may have joined them: asking again gives what it made
    return blobs.completeMultipart(blobKey, multipartId, parts ?? []);
  });
  return blob && { path, sizeBytes, sha256, blob: { key: blob.key, versionId: blob.versionId } };
}

async function orGone<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof DomainError && ['no-such-upload', 'upload-incomplete'].includes(error.code)) return undefined;
    throw error;
  }
}

async function rejectLost(
  world: World,
  caller: Caller,
  { value, revision }: Stored<UploadRecord>,
  { path, joined }: { readonly path: string; readonly joined: readonly StoredFile[] },
): Promise<void> {
  const message =
    'What was sent was dropped before it was put together, because the server was away for too long: send it again.';
  const finding: Finding = { severity: 'error', code: 'upload-lost', message, where: path };
  const writes = [uploadWrite({ ...value, settled: true }, revision), ...(await abandonWrites(world, value, finding))];
  try {
    await dropParts(world, value);
    const left = { id: thingOf(value.target), bytes: bytesOf(joined), reserved: 0 };
    await commitStored(world, caller, { action: 'upload.lose', resource: `uploads/${value.id}` }, writes, [left]);
  } catch (error) {
    // another try was faster: the next look tells
    if (!(error instanceof ConditionError)) throw error;
  }
}

const bytesOf = (files: readonly StoredFile[]): number => files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
