import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBase, getBase, type Base } from '../../shared/contract/bases.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createComposition } from '../../shared/contract/compositions.ts';
import { createJob, getJob, listJobFiles } from '../../shared/contract/jobs.ts';
import { getVersion } from '../../shared/contract/versions.ts';
import { startSmallHub } from '../support/small-hub.ts';
import { openJobsHere, type JobsHere } from '../support/jobs-here.ts';
import type { LocalApi } from '../support/local-api.ts';
import { runHere } from '../support/run-here.ts';
import { announce, sendFiles } from '../support/send-upload.ts';
import { completeUpload } from '../../shared/contract/uploads.ts';
import { storeDataset } from '../support/stored-things.ts';
import { writeTinyBase } from '../support/tiny-base.ts';

// Each kind of job from the call to what it made, in one process: what processes add is tested beside this.
let models = '';
let api: LocalApi;
let client: ApiClient;
let run: JobsHere['run'];
let importBase: JobsHere['importBase'];
beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), 'lorary-kinds-'));
  await writeTinyBase(join(models, 'tiny'));
  ({ api, client, importBase, run } = await openJobsHere(models));
});
afterAll(async () => {
  await api.close();
  await rm(models, { recursive: true });
});

const local = (path: string) => ({ kind: 'local', path: join(models, path) }) as const;

test('a base is imported from a folder, with what is known of it; a copy, not the folder itself', async () => {
  const base = await importBase({ name: 'tiny', source: local('tiny') });
  expect(base).toMatchObject({
    state: 'ready',
    architecture: 'llama',
    contextTokens: 128,
    dtypes: ['F32'],
    hasChatTemplate: true,
    findings: [],
  });
  expect(base.parameters).toBeGreaterThan(10_000);
  await writeFile(join(models, 'tiny', 'tokenizer_config.json'), '{}');
  const again = await importBase({ name: 'tiny-again', source: local('tiny') });
  expect(again).toMatchObject({ hasChatTemplate: false, sha256: base.sha256 });
});

test('what is no model fails, base and job, with all that is wrong', async () => {
  await writeFile(join(models, 'notes.gguf'), 'not a model');
  const { base } = await client.call(createBase, { body: { name: 'notes', source: local('notes.gguf') } });
  await expect(runHere(api, base.importJobId ?? '')).rejects.toThrow(/notes\.gguf/);
  const failed = await client.call(getBase, { params: { base: 'notes' } });
  expect(failed).toMatchObject({ state: 'failed' });
  expect(failed.findings).not.toEqual([]);
  const job = await client.call(getJob, { params: { job: base.importJobId ?? '' } });
  expect(job).toMatchObject({ state: 'failed', findings: failed.findings, resumable: false });
  expect(JSON.stringify([job, failed])).not.toContain(api.folder);
});

test('a base of an architecture that is not known here is kept, with a warning, and cannot be trained', async () => {
  await writeTinyBase(join(models, 'strange'));
  const config = JSON.parse(await readFile(join(models, 'strange', 'config.json'), 'utf8')) as object;
  await writeFile(join(models, 'strange', 'config.json'), JSON.stringify({ ...config, model_type: 'strange' }));
  const base = await importBase({ name: 'strange', source: local('strange') });
  expect(base).toMatchObject({ state: 'ready', findings: [{ severity: 'warning', code: 'architecture-unsupported' }] });
  const body = { kind: 'evaluate', base: 'strange', dataset: 'sums' } as const;
  await expect(client.call(createJob, { body })).rejects.toMatchObject({ code: 'unusable' });
});

test('a mixture of datasets is trained on, each pinned and told', async () => {
  const rows = Array.from({ length: 4 }, (_, i) => ({ prompt: `${i} - 1 =`, completion: ` ${i - 1}` }));
  await storeDataset(api.world, api.caller(), 'differences', rows);
  const job = await run({
    kind: 'train',
    base: 'tiny',
    dataset: 'sums',
    mix: [{ dataset: 'differences', weight: 0.5 }],
    output: { adapter: 'mixed' },
    method: { kind: 'lora', config: { r: 2 } },
    epochs: 1,
    batch: { rows: 6 },
  });
  expect(job).toMatchObject({ state: 'succeeded', inputs: { datasets: [{ name: 'sums' }, { name: 'differences' }] } });
  expect(job.report).toMatchObject({
    steps: 3,
    datasets: [
      { name: 'sums.jsonl', seen: 12 },
      { name: 'differences.jsonl', seen: 6, passes: 1.5 },
    ],
  });
});

test('a base comes from an upload, whose hashes are looked at', async () => {
  const names = await readdir(join(models, 'tiny'));
  const read = async (name: string): Promise<[string, Uint8Array]> => [
    name,
    await readFile(join(models, 'tiny', name)),
  ];
  const files = Object.fromEntries(await Promise.all(names.map(read)));
  const send = async (name: string, announced: ReturnType<typeof announce>): Promise<Base> => {
    const body = { name, source: { kind: 'upload', files: announced } } as const;
    const { upload } = await client.call(createBase, { body });
    if (!upload) throw new Error('files are to be sent');
    await sendFiles(api, client, upload, files);
    await client.call(completeUpload, { params: { upload: upload.id } });
    const { importJobId = '' } = await client.call(getBase, { params: { base: name } });
    await runHere(api, importJobId).catch(() => undefined);
    return client.call(getBase, { params: { base: name } });
  };
  expect(await send('sent', announce(files))).toMatchObject({ state: 'ready', architecture: 'llama' });
  const lie = announce(files).map((file) => ({
    ...file,
    sha256: file.path === 'config.json' ? 'a'.repeat(64) : file.sha256,
  }));
  expect(await send('lied', lie)).toMatchObject({
    state: 'failed',
    findings: [{ code: 'hash-mismatch', where: 'config.json' }],
  });
});

test('a base comes from Hugging Face at a commit, and what does not come as described is not kept', async () => {
  const names = await readdir(join(models, 'tiny'));
  const read = async (name: string): Promise<[string, Uint8Array]> => [
    name,
    await readFile(join(models, 'tiny', name)),
  ];
  const files = { ...Object.fromEntries(await Promise.all(names.map(read))), 'run.py': Buffer.from('print()') };
  const commit = 'c'.repeat(40);
  const sent = { 'model.safetensors': Buffer.alloc(100) };
  const hub = await startSmallHub({ 'owner/model': { commit, files }, 'owner/spoilt': { commit, files, sent } });
  Object.assign(api.deps, { hub: { url: hub.url } });
  try {
    const source = (repository: string) => ({ kind: 'huggingface', repository }) as const;
    const base = await importBase({ name: 'fetched', source: source('owner/model') }, { hubUrl: hub.url });
    expect(base).toMatchObject({ state: 'ready', source: { kind: 'huggingface', revision: commit } });
    expect(base.files.map(({ path }) => path)).toEqual(names.toSorted());
    const spoilt = client.call(createBase, { body: { name: 'spoilt', source: source('owner/spoilt') } });
    const { importJobId = '' } = (await spoilt).base;
    await expect(runHere(api, importJobId, { hubUrl: hub.url })).rejects.toThrow(/did not come as the hub describes/);
    expect(await client.call(getJob, { params: { job: importJobId } })).toMatchObject({ state: 'queued', attempt: 2 });
  } finally {
    await hub.close();
  }
});

test('a gated model is imported with the token that the container is told, and not without', async () => {
  const names = await readdir(join(models, 'tiny'));
  const files = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(models, 'tiny', name))] as const)),
  );
  const token = 'hf_right';
  const hub = await startSmallHub({ 'owner/gated': { commit: 'b'.repeat(40), files, token } });
  const source = { kind: 'huggingface', repository: 'owner/gated' } as const;
  try {
    for (const accessToken of [undefined, async () => undefined, async () => 'hf_wrong']) {
      Object.assign(api.deps, { hub: { url: hub.url, ...(accessToken ? { accessToken } : {}) } });
      const refused = client.call(createBase, { body: { name: 'gated', source } });
      await expect(refused).rejects.toMatchObject({ code: 'no-such-repository' });
    }
    Object.assign(api.deps, { hub: { url: hub.url, accessToken: async () => token } });
    const { importJobId = '' } = (await client.call(createBase, { body: { name: 'untold', source } })).base;
    await expect(runHere(api, importJobId, { hubUrl: hub.url })).rejects.toThrow(/gated model needs HF_TOKEN/);
    const told = { hubUrl: hub.url, hubToken: async () => token };
    expect(await importBase({ name: 'gated', source }, told)).toMatchObject({ state: 'ready' });
  } finally {
    await hub.close();
  }
});

const training = {
  kind: 'train',
  base: 'tiny',
  dataset: 'sums',
  method: { kind: 'lora', config: { r: 2 } },
  steps: 2,
  batch: { rows: 4, microBatchTokens: 48, packTokens: 32 },
} as const;

test('LoRA makes versions, and full fine-tuning makes a base', async () => {
  for (const seed of [1, 2]) {
    const done = await run({ ...training, seed, optimizer: { learningRate: 0.01 }, output: { adapter: 'adder' } });
    expect(done).toMatchObject({ state: 'succeeded', output: { adapter: 'adder', version: seed } });
  }
  const done = await run({ ...training, method: { kind: 'full' }, output: { base: 'taught' } });
  expect(done).toMatchObject({ state: 'succeeded', output: { base: 'taught' } });
  const base = await client.call(getBase, { params: { base: 'taught' } });
  expect(base).toMatchObject({
    state: 'ready',
    source: { kind: 'train' },
    lineage: { origin: 'train', jobId: done.id, base: { name: 'tiny' }, datasets: [{ name: 'sums' }] },
  });
});

test('an evaluation reports what it measured, without places of this machine', async () => {
  const bare = await run({ kind: 'evaluate', base: 'tiny', dataset: 'sums' });
  const tuned = await run({ kind: 'evaluate', base: 'tiny', adapter: 'adder', dataset: 'sums' });
  expect(bare.report).toMatchObject({
    kind: 'evaluate',
    rows: 12,
    adapter: null,
    data: expect.stringMatching(/^datasets/) as string,
  });
  expect(tuned).toMatchObject({ request: { version: '2' }, inputs: { parents: [{ adapter: 'adder', version: 2 }] } });
  expect(tuned.report?.['loss']).not.toEqual(bare.report?.['loss']);
  expect(JSON.stringify([bare, tuned])).not.toContain(api.folder);
});

test('texts come from a base or from an adapter, which knows its base, the same for the same seed', async () => {
  const prompts = [{ prompt: '1 + 1 =' }, { prompt: '2 + 1 =' }];
  const ask = { kind: 'generate', prompts, maxNewTokens: 4 } as const;
  await expect(client.call(createJob, { body: ask })).rejects.toMatchObject({ code: 'no-such-base' });
  const wrong = { ...ask, base: 'taught', adapter: 'adder' };
  await expect(client.call(createJob, { body: wrong })).rejects.toMatchObject({ code: 'base-mismatch' });
  const tuned = { ...ask, adapter: 'adder', temperature: 1, seed: 7 };
  const [bare, one, two] = [await run({ ...ask, base: 'tiny' }), await run(tuned), await run(tuned)];
  expect(bare.report).toMatchObject({ kind: 'generate', adapter: null, texts: prompts });
  expect(one).toMatchObject({
    request: { version: '2' },
    inputs: { base: { name: 'tiny' }, parents: [{ version: 2 }] },
  });
  expect(one.report?.['texts']).toEqual(two.report?.['texts']);
  expect(one.report?.['texts']).not.toEqual(bare.report?.['texts']);
  expect(JSON.stringify([bare, one])).not.toContain(api.folder);
});

test('a composition makes a version whose parents are exact versions', async () => {
  const members = [
    { adapter: 'adder', version: '1', weight: 0.5 },
    { adapter: 'adder', version: '2' },
  ];
  const composition = await client.call(createComposition, { body: { name: 'both', type: 'cat', members } });
  const done = await run({ kind: 'compose', composition: 'both', output: { adapter: 'both' } });
  expect(done).toMatchObject({ state: 'succeeded', output: { adapter: 'both', version: 1 }, report: { type: 'cat' } });
  const version = await client.call(getVersion, { params: { adapter: 'both', version: '1' } });
  expect(version.lineage).toMatchObject({
    origin: 'compose',
    compositionId: composition.id,
    parents: [
      { adapter: 'adder', version: 1, weight: 0.5 },
      { adapter: 'adder', version: 2, weight: 1 },
    ],
  });
  expect(version.checks?.ranks).toEqual([4]);
});

test('a merge makes a base, and an export files with links; a GGUF that was exported can be imported', async () => {
  const merged = await run({ kind: 'merge', adapter: 'both', output: { base: 'merged' } });
  expect(merged).toMatchObject({ state: 'succeeded', output: { base: 'merged' }, report: { kind: 'merge' } });
  const base = await client.call(getBase, { params: { base: 'merged' } });
  expect(base).toMatchObject({
    state: 'ready',
    source: { kind: 'merge' },
    lineage: { parents: [{ adapter: 'both' }] },
  });

  const peft = await run({ kind: 'export', format: 'peft', adapter: 'both' });
  expect(peft).toMatchObject({ state: 'succeeded', report: { format: 'peft' } });
  const { files } = await client.call(listJobFiles, { params: { job: peft.id } });
  expect(files.map(({ path }) => path)).toContain('adapter_model.safetensors');
  for (const { url, headers, sizeBytes } of files)
    expect((await (await api.fetch(url, { headers })).arrayBuffer()).byteLength).toBe(sizeBytes);

  const flat = await run({
    kind: 'export',
    format: 'flattened',
    adapter: 'both',
    fillLayers: true,
    baseModelName: 'served',
  });
  // it knows the base, though nobody named it
  expect(flat).toMatchObject({
    state: 'succeeded',
    report: { base: 'tiny', summary: expect.stringMatching(/14 of 14/) as string },
  });
  const written = (await client.call(listJobFiles, { params: { job: flat.id } })).files.find(
    ({ path }) => path === 'adapter_config.json',
  );
  const config = await api.fetch(written?.url ?? '', { headers: written?.headers ?? {} });
  expect(await config.json()).toMatchObject({ base_model_name_or_path: 'served', r: 4, lora_alpha: 4 });

  const gguf = await run({ kind: 'export', format: 'merged-gguf', adapter: 'both', dtype: 'f32' });
  expect(gguf).toMatchObject({ state: 'succeeded' });
  const [file] = (await client.call(listJobFiles, { params: { job: gguf.id } })).files.filter(({ path }) =>
    path.endsWith('.gguf'),
  );
  const bytes = await (await api.fetch(file?.url ?? '', { headers: file?.headers ?? {} })).arrayBuffer();
  await writeFile(join(models, 'exported.gguf'), Buffer.from(bytes));
  const imported = await importBase({ name: 'exported', source: local('exported.gguf') });
  expect(imported).toMatchObject({ state: 'ready', parameters: base.parameters });
});
