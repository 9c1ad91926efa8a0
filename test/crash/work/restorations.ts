import { createAdapter, deleteAdapter, restoreAdapter } from '../../../shared/contract/adapters.ts';
import { createDataset, deleteDataset, getDataset, restoreDataset } from '../../../shared/contract/datasets.ts';
import { beginUpload } from '../../../shared/contract/versions.ts';
import { announce, sha256Hex, tinyAdapter } from '../../support/send-upload.ts';
import type { LedgerEntry, NamedThing } from '../check/ledger.ts';
import type { Outcome, Worker } from '../client.ts';
import { sendAll } from './send.ts';
import { waitForVersion } from './versions.ts';

/** Deletes an adapter that has a version, and datasets, and brings them back. The adapter is there in the end. */
export async function workOnRestorations(worker: Worker, seed: number): Promise<void> {
  const state = { description: 'comes back', tags: ['back'] };
  const params = { adapter: 'comes-back' };
  if (!(await makeAdapter(worker, params.adapter, state, seed))) return;
  for (let i = 1; !worker.isOver(); i++) {
    const gone = await worker.surely((api) => api.call(deleteAdapter, { params }));
    settle(worker, 'adapter', params.adapter, 'delete', null, gone);
    await worker.pause(200);
    const back = await worker.surely((api) => api.call(restoreAdapter, { params }));
    settle(worker, 'adapter', params.adapter, 'restore', state, back);
    if (i % 4 === 0) await bringBackDataset(worker, `again-${i}`, i);
    await worker.pause(400);
  }
}

type State = Readonly<Record<string, unknown>>;

/** Whether it has a version. */
async function makeAdapter(worker: Worker, adapter: string, state: State, seed: number): Promise<boolean> {
  const body = { name: adapter, base: 'tiny', ...state };
  const made = await worker.surely((api, key) => api.call(createAdapter, { body, ...key }));
  if (!settle(worker, 'adapter', adapter, 'create', state, made)) return false;
  const files = await tinyAdapter(seed);
  const call = { params: { adapter }, body: { base: 'tiny', files: announce(files) } };
  const begun = await worker.surely((api, key) => api.call(beginUpload, { ...call, ...key }));
  if (begun.kind !== 'done') return false;
  const { version, upload } = begun.answer;
  const resource = `adapters/${adapter}/versions/${version.id}`;
  worker.note({ kind: 'change', action: 'version.begin', resource, requestId: begun.requestId });
  return (await sendAll(worker, upload, files)) && (await waitForVersion(worker, version))?.state === 'published';
}

/** One that is not ready when the work is over stays as it is. */
async function bringBackDataset(worker: Worker, name: string, i: number): Promise<void> {
  const bytes = Buffer.from(`{"prompt":"${i}","completion":"${i + 1}"}\n`.repeat(50));
  const files = { 'data.jsonl': bytes };
  const [file] = announce(files);
  if (!file) return;
  const state = { sizeBytes: bytes.byteLength, sha256: sha256Hex(bytes) };
  const made = await worker.surely((api, key) => api.call(createDataset, { body: { name, file }, ...key }));
  if (!settle(worker, 'dataset', name, 'create', state, made) || made.kind !== 'done') return;
  if (!(await sendAll(worker, made.answer.upload, files))) return;
  const params = { dataset: name };
  for (;;) {
    if (worker.isOver()) return;
    const shown = await worker.surely((api) => api.call(getDataset, { params }));
    if (shown.kind === 'done' && shown.answer.state === 'ready') break;
    await worker.pause(500);
  }
  const gone = await worker.surely((api) => api.call(deleteDataset, { params }));
  settle(worker, 'dataset', name, 'delete', null, gone);
  const back = await worker.surely((api) => api.call(restoreDataset, { params }));
  settle(worker, 'dataset', name, 'restore', state, back);
}

/** Whether it is so. A repeated call may be refused because the first one did it. */
function settle(
  worker: Worker,
  thing: Extract<NamedThing, 'adapter' | 'dataset'>,
  name: string,
  what: 'create' | 'delete' | 'restore',
  state: State | null,
  outcome: Outcome<unknown>,
): boolean {
  const isDone = outcome.kind === 'done' || (outcome.kind === 'refused' && outcome.repeated && isSoBy(what, outcome));
  if (outcome.kind === 'refused' && !isDone)
    worker.bug(`${what} of the ${thing} ${name} was refused: ${outcome.error.message}`);
  if (outcome.kind === 'refused' && !isDone) return false;
  const entry: LedgerEntry = { kind: 'state', thing, name, state, acknowledged: isDone };
  worker.note(entry);
  const requestId = outcome.kind === 'done' ? outcome.requestId : null;
  if (isDone) worker.note({ kind: 'change', action: `${thing}.${what}`, resource: `${thing}s/${name}`, requestId });
  return isDone;
}

function isSoBy(what: string, { error }: Extract<Outcome<unknown>, { readonly kind: 'refused' }>): boolean {
  return (what === 'delete' && error.status === 404) || (what === 'restore' && error.code === 'name-taken');
}
