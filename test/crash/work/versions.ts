import { abortUpload, type Upload } from '../../../shared/contract/uploads.ts';
import { beginUpload, getVersion, type Version } from '../../../shared/contract/versions.ts';
import { announce, tinyAdapter, type NamedBytes } from '../../support/send-upload.ts';
import type { Worker } from '../client.ts';
import { sendAll, sendMissing } from './send.ts';

/** Adapters that several workers send versions of. */
export const sharedAdapters = ['shared-a', 'shared-b'] as const;

/** Uploads version after version: most to the end, some given up, some left lying. */
export async function workOnVersions(worker: Worker, seed: number): Promise<void> {
  for (let i = 1; !worker.isOver(); i++) {
    const adapter = worker.pick(sharedAdapters);
    const files = await tinyAdapter(1000 * seed + i);
    const aliases = worker.random() < 0.3 ? ['candidate'] : [];
    const call = { params: { adapter }, body: { base: 'tiny', aliases, files: announce(files) } };
    const begun = await worker.surely((api, key) => api.call(beginUpload, { ...call, ...key }));
    if (begun.kind === 'refused') worker.bug(`an upload to ${adapter} was refused: ${begun.error.message}`);
    if (begun.kind !== 'done') continue;
    const { version, upload } = begun.answer;
    const resource = `adapters/${adapter}/versions/${version.id}`;
    worker.note({ kind: 'change', action: 'version.begin', resource, requestId: begun.requestId });
    await bring(worker, upload, version, files);
    await worker.pause(300);
  }
}

async function bring(worker: Worker, upload: Upload, version: Version, files: NamedBytes): Promise<void> {
  const fate = worker.random();
  // left lying: the platform gives it up when its time is over
  if (fate < 0.08) return void (await sendMissing(worker, upload, files));
  if (fate < 0.25) return giveUp(worker, upload);
  if (!(await sendAll(worker, upload, files))) return;
  if (fate < 0.5) return;
  const ended = await waitForVersion(worker, version);
  if (ended?.state === 'rejected') worker.bug(`${version.id} was rejected: ${JSON.stringify(ended.findings)}`);
}

async function giveUp(worker: Worker, { id }: Upload): Promise<void> {
  const outcome = await worker.surely((api) => api.call(abortUpload, { params: { upload: id } }));
  if (outcome.kind === 'refused') worker.bug(`${id} could not be given up: ${outcome.error.message}`);
  if (outcome.kind !== 'done') return;
  worker.note({ kind: 'upload', uploadId: id, state: 'aborted' });
  worker.note({ kind: 'change', action: 'upload.abort', resource: `uploads/${id}`, requestId: outcome.requestId });
}

/** What became of a version that was sent, as far as it is known before the work is over. */
export async function waitForVersion(worker: Worker, { id, adapter }: Version): Promise<Version | undefined> {
  while (!worker.isOver()) {
    const shown = await worker.surely((api) => api.call(getVersion, { params: { adapter, version: id } }));
    if (shown.kind !== 'done') return undefined;
    const { state, version: number, files } = shown.answer;
    if (number !== null && state === 'published') worker.note({ kind: 'version', versionId: id, number, files });
    if (state !== 'draft' && state !== 'validating') return shown.answer;
    await worker.pause(300);
  }
  return undefined;
}
