import { createHash } from 'node:crypto';
import { completeUpload, getUpload, signUploadParts, type Upload } from '../../../shared/contract/uploads.ts';
import type { NamedBytes } from '../../support/send-upload.ts';
import type { Worker } from '../client.ts';

/** Sends what the server has not received, file after file; whether everything has arrived. An interruption is gone on from. */
export async function sendMissing(worker: Worker, upload: Upload, files: NamedBytes): Promise<boolean> {
  const shown = await worker.surely((api) => api.call(getUpload, { params: { upload: upload.id } }));
  if (shown.kind !== 'done') return false;
  const { partSizeBytes } = upload;
  for (const { path, received, parts } of shown.answer.files)
    for (let number = 1; number <= parts; number++) {
      if (received.some((part) => part.number === number)) continue;
      const piece = (files[path] ?? new Uint8Array()).subarray((number - 1) * partSizeBytes, number * partSizeBytes);
      if (!(await sendPart(worker, upload, { path, number, piece }))) return false;
    }
  return true;
}

/** Whether the store has taken it. */
async function sendPart(
  worker: Worker,
  { id }: Upload,
  { path, number, piece }: { readonly path: string; readonly number: number; readonly piece: Uint8Array },
): Promise<boolean> {
  const part = { number, sizeBytes: piece.byteLength, sha256: createHash('sha256').update(piece).digest('hex') };
  const call = { params: { upload: id }, body: { path, parts: [part] } };
  const signed = await worker.surely((api) => api.call(signUploadParts, call));
  const [request] = signed.kind === 'done' ? signed.answer.parts : [];
  if (!request) return false;
  const { url, headers } = request;
  const response = await fetch(url, { method: 'PUT', headers, body: Buffer.from(piece) }).catch(() => undefined);
  await response?.arrayBuffer().catch(() => undefined);
  if (response && response.status >= 500 && response.status !== 503)
    worker.bug(`a part was answered with ${response.status}`);
  return response?.ok ?? false;
}

/** Sends all of it, however often that takes, and completes; whether it was completed. */
export async function sendAll(worker: Worker, upload: Upload, files: NamedBytes): Promise<boolean> {
  for (let tries = 1; !(await sendMissing(worker, upload, files)); tries++) if (tries === triesMax) return false;
  const { id } = upload;
  const done = await worker.surely((api) => api.call(completeUpload, { params: { upload: id } }));
  if (done.kind === 'refused') worker.bug(`${id} has everything and was not completed: ${done.error.message}`);
  if (done.kind !== 'done') return false;
  worker.note({ kind: 'upload', uploadId: id, state: 'completed' });
  worker.note({ kind: 'change', action: 'upload.complete', resource: `uploads/${id}`, requestId: done.requestId });
  return true;
}

/** More than there are kills. */
const triesMax = 100;
