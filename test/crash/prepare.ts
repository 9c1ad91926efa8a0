import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createAdapter } from '../../shared/contract/adapters.ts';
import { getBase } from '../../shared/contract/bases.ts';
import { createComposition } from '../../shared/contract/compositions.ts';
import { createDataset, getDataset } from '../../shared/contract/datasets.ts';
import { beginUpload, getVersion } from '../../shared/contract/versions.ts';
import type { Upload } from '../../shared/contract/uploads.ts';
import { announce, tinyAdapter, type NamedBytes } from '../support/send-upload.ts';
import type { Outcome, Worker } from './client.ts';
import type { Places } from './settings.ts';
import { sendAll } from './work/send.ts';
import { sharedAdapters } from './work/versions.ts';

/** The key that the first start has made. */
export async function readKey({ data }: Places): Promise<string> {
  const { key } = JSON.parse(await readFile(join(data, 'credentials.json'), 'utf8')) as { readonly key: string };
  return key;
}

/** Makes what all clients work on, before anything is killed: adapters with a version, a dataset, a composition. `width` is that of `tiny`. */
export async function prepare(worker: Worker, width?: number): Promise<void> {
  await until(async () => (await sure(worker.surely((api) => api.call(getBase, tiny)))).answer.state === 'ready');
  for (const [at, adapter] of sharedAdapters.entries())
    await prepareAdapter(worker, adapter, await tinyAdapter(at + 1, width));
  await prepareDataset(worker);
  const body = {
    name: 'both',
    type: 'cat' as const,
    members: sharedAdapters.map((adapter) => ({ adapter, weight: 1 })),
  };
  const made = await sure(worker.surely((api, key) => api.call(createComposition, { body, ...key })));
  noteChange(worker, 'composition.create', 'compositions/both', made);
}

const tiny = { params: { base: 'tiny' } };

async function prepareAdapter(worker: Worker, adapter: string, files: NamedBytes): Promise<void> {
  const body = { name: adapter, base: 'tiny' };
  const made = await sure(worker.surely((api, key) => api.call(createAdapter, { body, ...key })));
  noteChange(worker, 'adapter.create', `adapters/${adapter}`, made);
  const call = { params: { adapter }, body: { base: 'tiny', files: announce(files) } };
  const begun = await sure(worker.surely((api, key) => api.call(beginUpload, { ...call, ...key })));
  const { version, upload } = begun.answer;
  noteChange(worker, 'version.begin', `adapters/${adapter}/versions/${version.id}`, begun);
  await send(worker, upload, files);
  const params = { adapter, version: version.id };
  await until(async () => {
    const { state } = (await sure(worker.surely((api) => api.call(getVersion, { params })))).answer;
    return state === 'published';
  });
}

async function prepareDataset(worker: Worker): Promise<void> {
  const rows = Array.from({ length: 12 }, (_, i) => ({ prompt: `${i} + 1 =`, completion: ` ${i + 1}` }));
  const files = { 'data.jsonl': Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join('')) };
  const [file] = announce(files);
  if (!file) throw new Error('one file is announced');
  const body = { name: 'sums', file };
  const begun = await sure(worker.surely((api, key) => api.call(createDataset, { body, ...key })));
  noteChange(worker, 'dataset.create', 'datasets/sums', begun);
  await send(worker, begun.answer.upload, files);
  const params = { dataset: 'sums' };
  await until(async () => {
    const { state } = (await sure(worker.surely((api) => api.call(getDataset, { params })))).answer;
    return state === 'ready';
  });
}

export function noteChange(worker: Worker, action: string, resource: string, { requestId }: Done<unknown>): void {
  worker.note({ kind: 'change', action, resource, requestId });
}

async function send(worker: Worker, upload: Upload, files: NamedBytes): Promise<void> {
  if (!(await sendAll(worker, upload, files))) throw new Error(`the upload ${upload.id} could not be sent`);
}

type Done<T> = Extract<Outcome<T>, { readonly kind: 'done' }>;

/** Nothing is refused while nothing is killed. */
export async function sure<T>(call: Promise<Outcome<T>>): Promise<Done<T>> {
  const outcome = await call;
  if (outcome.kind === 'refused') throw outcome.error;
  if (outcome.kind === 'unknown') throw new Error('the server does not answer');
  return outcome;
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let looks = 1; !(await condition()); looks++) {
    if (looks === looksMax) throw new Error('the server does not come to an end with what was prepared');
    await wait(200);
  }
}

/** A minute. */
const looksMax = 300;
