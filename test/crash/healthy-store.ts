import { cp } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createAdapter, deleteAdapter, getAdapter, setAlias, updateAdapter } from '../../shared/contract/adapters.ts';
import { createBase } from '../../shared/contract/bases.ts';
import { cancelJob, createJob, getJob, resumeJob } from '../../shared/contract/jobs.ts';
import { createKey, revokeKey } from '../../shared/contract/keys.ts';
import { abortUpload, type Upload } from '../../shared/contract/uploads.ts';
import { beginUpload, getVersion, withdrawVersion } from '../../shared/contract/versions.ts';
import type { CallInput } from '../../shared/contract/api-client.ts';
import type { LocalApi } from '../support/local-api.ts';
import { uniform } from '../support/random-base.ts';
import { tinyBaseConfig, writeTinyBase } from '../support/tiny-base.ts';
import { openServedApi } from '../support/served-api.ts';
import { runHere } from '../support/run-here.ts';
import { announce, tinyAdapter, type NamedBytes } from '../support/send-upload.ts';
import { createWorker, type Worker } from './client.ts';
import { noteChange, prepare, sure, until } from './prepare.ts';
import type { Places } from './settings.ts';
import { sendAll } from './work/send.ts';

/** Fills `data` with a store that has one of everything, made by the product in one process, and `ledger` with what its client was told. */
export async function makeHealthyStore({
  data,
  ledger,
  model,
}: Pick<Places, 'data' | 'ledger' | 'model'>): Promise<void> {
  const api = await openServedApi();
  await writeTinyBase(model);
  Object.assign(api.deps, { baseFolders: [dirname(model)] });
  const bugs: string[] = [];
  const key = await api.key('local');
  const worker = createWorker({ url: api.url, key, ledger, random: uniform(1), isOver: () => false, bugs });
  const timer = setInterval(() => void api.settle(), 50);
  try {
    await importTiny(api, worker, model);
    await prepare(worker, width);
    await changeAdapters(worker);
    await bringVersions(worker);
    await makeKeys(worker);
    await runJob(api, worker, train);
    await runJob(api, worker, { kind: 'export', adapter: 'shared-a', version: '1', format: 'peft' });
    await resumeJobs(api, worker, { kind: 'evaluate', base: 'tiny', dataset: 'sums', rowsMax: 2 });
    await until(async () => (await api.world.runner.list()).length === 0);
    if (bugs.length > 0) throw new Error(bugs.join('\n'));
  } finally {
    clearInterval(timer);
    await api.settle();
  }
  await cp(api.folder, data, { recursive: true });
  await api.close();
}

/** The smallest base there is: its bytes are copied for each damage. */
const width = tinyBaseConfig.hidden_size;

type Request = CallInput<typeof createJob>['body'];

const train: Request = {
  kind: 'train',
  base: 'tiny',
  dataset: 'sums',
  method: { kind: 'lora', config: { r: 2 } },
  steps: 2,
  batch: { rows: 4, microBatchTokens: 48, packTokens: 32 },
  output: { adapter: 'trained' },
};

async function importTiny(api: LocalApi, worker: Worker, path: string): Promise<void> {
  const body = { name: 'tiny', source: { kind: 'local' as const, path } };
  const made = await sure(worker.surely((client, key) => client.call(createBase, { body, ...key })));
  const { id, importJobId = '' } = made.answer.base;
  worker.note({ kind: 'state', thing: 'base', name: 'tiny', state: { id }, acknowledged: true });
  noteChange(worker, 'base.create', 'bases/tiny', made);
  worker.note({ kind: 'job', jobId: importJobId, jobKind: 'import-base' });
  await runHere(api, importJobId, { team: 'local' });
}

/** One that stays, with tags, and one that is deleted. */
async function changeAdapters(worker: Worker): Promise<void> {
  for (const name of ['notes', 'gone']) {
    const state = { description: 'first', tags: ['blue'] };
    const body = { name, base: 'tiny', ...state };
    const made = await sure(worker.surely((api, key) => api.call(createAdapter, { body, ...key })));
    worker.note({ kind: 'state', thing: 'adapter', name, state, acknowledged: true });
    noteChange(worker, 'adapter.create', `adapters/${name}`, made);
  }
  const state = { description: 'second', tags: ['blue', 'red'] };
  const call = { params: { adapter: 'notes' }, body: state };
  const updated = await sure(worker.surely((api) => api.call(updateAdapter, call)));
  worker.note({ kind: 'state', thing: 'adapter', name: 'notes', state, acknowledged: true });
  noteChange(worker, 'adapter.update', 'adapters/notes', updated);
  const gone = await sure(worker.surely((api) => api.call(deleteAdapter, { params: { adapter: 'gone' } })));
  worker.note({ kind: 'state', thing: 'adapter', name: 'gone', state: null, acknowledged: true });
  noteChange(worker, 'adapter.delete', 'adapters/gone', gone);
}

/** To `shared-a`: two that are published, one of which is withdrawn, and one that is given up. An alias moves twice. */
async function bringVersions(worker: Worker): Promise<void> {
  for (const seed of [11, 12]) {
    const { upload, files, params } = await begin(worker, seed);
    await sendAll(worker, upload, files);
    await until(async () => {
      const { answer } = await sure(worker.surely((api) => api.call(getVersion, { params })));
      if (answer.version !== null)
        worker.note({ kind: 'version', versionId: answer.id, number: answer.version, files: answer.files });
      return answer.state === 'published';
    });
  }
  const shown = await sure(worker.surely((api) => api.call(getAdapter, { params: { adapter: 'shared-a' } })));
  for (const version of [1, 2]) {
    const call = { params: { adapter: 'shared-a', alias: 'production' }, body: { version } };
    const { answer } = await sure(worker.surely((api) => api.call(setAlias, call)));
    const { revision } = answer;
    worker.note({ kind: 'alias', adapterId: shown.answer.id, alias: 'production', version, revision });
  }
  const params = { adapter: 'shared-a', version: '3' };
  const call = { params, body: { reason: 'It was not good.' } };
  const withdrawn = await sure(worker.surely((api) => api.call(withdrawVersion, call)));
  worker.note({ kind: 'withdrawn', versionId: withdrawn.answer.id });
  const { upload } = await begin(worker, 13);
  const aborted = await sure(worker.surely((api) => api.call(abortUpload, { params: { upload: upload.id } })));
  worker.note({ kind: 'upload', uploadId: upload.id, state: 'aborted' });
  noteChange(worker, 'upload.abort', `uploads/${upload.id}`, aborted);
}

async function begin(
  worker: Worker,
  seed: number,
): Promise<{
  readonly upload: Upload;
  readonly files: NamedBytes;
  readonly params: { readonly adapter: string; readonly version: string };
}> {
  const files = await tinyAdapter(seed, width);
  const call = { params: { adapter: 'shared-a' }, body: { base: 'tiny', files: announce(files) } };
  const begun = await sure(worker.surely((api, key) => api.call(beginUpload, { ...call, ...key })));
  const { version, upload } = begun.answer;
  noteChange(worker, 'version.begin', `adapters/shared-a/versions/${version.id}`, begun);
  return { upload, files, params: { adapter: 'shared-a', version: version.id } };
}

/** One that works and one that is revoked. */
async function makeKeys(worker: Worker): Promise<void> {
  for (const name of ['kept', 'revoked']) {
    const body = { name, scopes: ['jobs:read' as const] };
    const made = await sure(worker.surely((api, key) => api.call(createKey, { body, ...key })));
    const { id } = made.answer.key;
    noteChange(worker, 'key.create', `keys/${id}`, made);
    if (name === 'kept') {
      worker.note({ kind: 'state', thing: 'key', name: id, state: { id, revokedAt: null }, acknowledged: true });
      continue;
    }
    const gone = await sure(worker.surely((api) => api.call(revokeKey, { params: { key: id } })));
    worker.note({ kind: 'revoked', keyId: id });
    noteChange(worker, 'key.revoke', `keys/${id}`, gone);
  }
}

async function makeJob(worker: Worker, body: Request): Promise<string> {
  const made = await sure(worker.surely((api, key) => api.call(createJob, { body, ...key })));
  const { id = '', kind = '' } = made.answer.job ?? {};
  worker.note({ kind: 'job', jobId: id, jobKind: kind });
  noteChange(worker, 'job.create', `jobs/${id}`, made);
  return id;
}

async function runJob(api: LocalApi, worker: Worker, body: Request): Promise<void> {
  await finish(api, worker, await makeJob(worker, body));
}

/** The end of a job that was resumed is promised, too. */
async function resumeJobs(api: LocalApi, worker: Worker, body: Request): Promise<void> {
  const id = await makeJob(worker, body);
  const params = { job: id };
  const cancelled = await sure(worker.surely((client) => client.call(cancelJob, { params })));
  noteChange(worker, 'job.cancel', `jobs/${id}`, cancelled);
  await sure(worker.surely((client) => client.call(resumeJob, { params })));
  worker.note({ kind: 'job-resumed', jobId: id });
  await finish(api, worker, id);
}

async function finish(api: LocalApi, worker: Worker, id: string): Promise<void> {
  await runHere(api, id, { team: 'local' });
  const { answer } = await sure(worker.surely((client) => client.call(getJob, { params: { job: id } })));
  worker.note({ kind: 'job-ended', jobId: id, state: answer.state, output: answer.output });
}
