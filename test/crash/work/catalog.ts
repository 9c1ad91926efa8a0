import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createBase, deleteBase, getBase } from '../../../shared/contract/bases.ts';
import { createComposition, deleteComposition } from '../../../shared/contract/compositions.ts';
import { createDataset, deleteDataset } from '../../../shared/contract/datasets.ts';
import { announce, sha256Hex, type NamedBytes } from '../../support/send-upload.ts';
import type { NamedThing } from '../check/ledger.ts';
import type { Outcome, Worker } from '../client.ts';
import { repository } from '../settings.ts';
import { sendAll } from './send.ts';

/** Makes and deletes datasets, compositions and bases of its own names; `model` is a folder that is sent. */
export async function workOnCatalog(worker: Worker, model: string): Promise<void> {
  for (let i = 1; !worker.isOver(); i++) {
    const fate = worker.random();
    if (fate < 0.5) await bringDataset(worker, i);
    else if (fate < 0.85) await keepRecipe(worker, i);
    else await importBase(worker, i, model);
    await worker.pause(500);
  }
}

interface Step {
  readonly thing: NamedThing;
  readonly name: string;
  readonly what: 'create' | 'delete';
  readonly state: Readonly<Record<string, unknown>> | null;
}

/** Whether it is so. */
function settle(worker: Worker, { thing, name, what, state }: Step, outcome: Outcome<unknown>): boolean {
  const isGone = what === 'delete' && outcome.kind === 'refused' && outcome.repeated && outcome.error.status === 404;
  const acknowledged = outcome.kind === 'done' || isGone;
  if (outcome.kind === 'refused' && !isGone) return false;
  worker.note({ kind: 'state', thing, name, state, acknowledged });
  const requestId = outcome.kind === 'done' ? outcome.requestId : null;
  const resource = `${thing}s/${name}`;
  if (acknowledged) worker.note({ kind: 'change', action: `${thing}.${what}`, resource, requestId });
  return acknowledged;
}

async function bringDataset(worker: Worker, i: number): Promise<void> {
  const name = `rows-${i}`;
  // now and then one that is sent in two parts
  const bytes = i % 20 === 7 ? manyRows(17_000_000) : manyRows(2000 + i);
  const [file] = announce({ 'data.jsonl': bytes });
  if (!file) return;
  const body = { name, file };
  const begun = await worker.surely((api, key) => api.call(createDataset, { body, ...key }));
  const state = { sizeBytes: bytes.byteLength, sha256: sha256Hex(bytes) };
  if (!settle(worker, { thing: 'dataset', name, what: 'create', state }, begun) || begun.kind !== 'done')
    return worker.bug(`the dataset ${name} was not made`);
  if (worker.random() < 0.8) await sendAll(worker, begun.answer.upload, { 'data.jsonl': bytes });
  if (worker.random() < 0.4) {
    const outcome = await worker.surely((api) => api.call(deleteDataset, { params: { dataset: name } }));
    settle(worker, { thing: 'dataset', name, what: 'delete', state: null }, outcome);
  }
}

/** JSON lines of at least so many bytes. */
function manyRows(bytes: number): Buffer {
  const text = 'so '.repeat(100);
  const line = (i: number): string => `${JSON.stringify({ prompt: `${i} + 1 =`, completion: ` ${i + 1}`, text })}\n`;
  const count = Math.ceil(bytes / line(0).length);
  return Buffer.from(
    Array.from({ length: count }, (_, i) => line(i).replace(/,"text":.*}/, `}${' '.repeat(300)}`)).join(''),
  );
}

async function keepRecipe(worker: Worker, i: number): Promise<void> {
  const name = `recipe-${i}`;
  const members = ['shared-a', 'shared-b'].map((adapter) => ({ adapter, weight: worker.random() }));
  const body = { name, type: 'cat' as const, members };
  const outcome = await worker.surely((api, key) => api.call(createComposition, { body, ...key }));
  if (outcome.kind !== 'done') return;
  const { id, members: pinned } = outcome.answer;
  settle(worker, { thing: 'composition', name, what: 'create', state: { id, members: pinned } }, outcome);
  if (worker.random() < 0.6) return;
  const gone = await worker.surely((api) => api.call(deleteComposition, { params: { composition: name } }));
  settle(worker, { thing: 'composition', name, what: 'delete', state: null }, gone);
}

/** From a folder of the server, or sent. */
async function importBase(worker: Worker, i: number, model: string): Promise<void> {
  const name = `base-${i}`;
  const files = worker.random() < 0.5 ? await filesOf(model) : undefined;
  const source = files
    ? { kind: 'upload' as const, files: announce(files) }
    : { kind: 'local' as const, path: join(repository, 'examples', 'tiny-base') };
  const outcome = await worker.surely((api, key) => api.call(createBase, { body: { name, source }, ...key }));
  if (outcome.kind !== 'done') return worker.bug(`the base ${name} was not made`);
  const { base, upload } = outcome.answer;
  settle(worker, { thing: 'base', name, what: 'create', state: { id: base.id } }, outcome);
  if (upload && files) await sendAll(worker, upload, files);
  await waitForBase(worker, name);
  const gone = await worker.surely((api) => api.call(deleteBase, { params: { base: name } }));
  settle(worker, { thing: 'base', name, what: 'delete', state: null }, gone);
}

async function waitForBase(worker: Worker, name: string): Promise<void> {
  while (!worker.isOver()) {
    const shown = await worker.surely((api) => api.call(getBase, { params: { base: name } }));
    if (shown.kind !== 'done') return;
    const { state, findings } = shown.answer;
    if (state === 'failed') worker.bug(`the base ${name} failed: ${JSON.stringify(findings)}`);
    if (state === 'ready' || state === 'failed') return;
    await worker.pause(1000);
  }
}

async function filesOf(folder: string): Promise<NamedBytes> {
  const read = async (name: string): Promise<[string, Uint8Array]> => [name, await readFile(join(folder, name))];
  return Object.fromEntries(await Promise.all((await readdir(folder)).map(read)));
}
