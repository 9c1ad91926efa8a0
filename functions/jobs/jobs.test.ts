import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import {
  cancelJob,
  createJob,
  forkJob,
  getJob,
  listJobFiles,
  listJobs,
  listLogs,
  listMetrics,
  listSamples,
  resumeJob,
  type Job,
} from '../../shared/contract/jobs.ts';
import type { JobChange } from '../../shared/domain/job-states.ts';
import type { Finding } from '../../shared/errors.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { pushVersion } from '../../test/support/send-upload.ts';
import { storeDataset } from '../../test/support/stored-things.ts';

// Jobs are made and never run here: their runs end at once, and nobody sweeps.
let api: LocalApi;
let client: ApiClient;
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
  await putReadyBase(api.world, 'blue', 'other');
  await storeDataset(api.world, api.caller(), 'sums', [{ prompt: '1 + 1 =', completion: ' 2' }]);
  await pushVersion(api, client, 'adder', { base: 'tiny' });
  await api.settle();
});
afterAll(() => api.close());

const training = { kind: 'train', base: 'tiny', dataset: 'sums', output: { adapter: 'mine' } } as const;

/** Code of the refusal and where each finding points. */
async function refusal(body: object): Promise<[string, (string | undefined)[]]> {
  const request = body as typeof training; // what a caller may send
  try {
    await client.call(createJob, { body: request });
  } catch (error) {
    const { code, findings } = error as { code: string; findings: readonly Finding[] };
    return [code, findings.map(({ where }) => where)];
  }
  throw new Error('it was not refused');
}

test('refuses with everything that is wrong, not the first thing', async () => {
  const body = {
    ...training,
    dataset: 'none',
    base: 'gone',
    evalDataset: 'none',
    evalFraction: 0.1,
    output: { base: 'tiny' },
  };
  expect(await refusal(body)).toEqual(['job', ['base', 'dataset', 'evalDataset', 'output.base', 'data.evalFraction']]);
});

test('refuses each thing by its own name', async () => {
  const evaluate = { kind: 'evaluate', base: 'tiny', dataset: 'sums' };
  expect(await refusal({ ...training, base: 'gone' })).toEqual(['no-such-base', ['base']]);
  expect(await refusal({ ...training, dataset: 'gone' })).toEqual(['no-such-dataset', ['dataset']]);
  expect(await refusal({ ...evaluate, adapter: 'gone' })).toEqual(['no-such-adapter', ['version']]);
  expect(await refusal({ ...evaluate, adapter: 'adder', version: '7' })).toEqual(['no-such-version', ['version']]);
  expect(await refusal({ ...evaluate, adapter: 'adder', base: 'other' })).toEqual(['base-mismatch', ['adapter']]);
  expect(await refusal({ ...training, base: 'other', output: { adapter: 'adder' } })).toEqual([
    'base-mismatch',
    ['output.adapter'],
  ]);
  expect(await refusal({ kind: 'merge', adapter: 'adder', output: { base: 'tiny' } })).toEqual([
    'name-taken',
    ['output.base'],
  ]);
  expect(await refusal({ kind: 'compose', composition: 'gone', output: { adapter: 'x' } })).toEqual([
    'no-such-composition',
    ['composition'],
  ]);
});

test('refuses what does not go together, before a machine is asked', async () => {
  const config = { target_modules: ['no_such_proj'] };
  expect(await refusal({ ...training, method: { kind: 'lora', config } })).toEqual([
    'targets-nothing',
    ['method.config.target_modules'],
  ]);
  expect(await refusal({ ...training, method: { kind: 'full' } })).toEqual(['job', ['output']]);
  expect(await refusal({ ...training, contextTokens: 1_000_000 })).toEqual(['job', ['contextTokens']]);
  expect(await refusal({ ...training, epochs: 1, steps: 1 })).toEqual(['job', ['epochs']]);
  expect(await refusal({ kind: 'export', format: 'gguf', adapter: 'adder', dtype: 'q8_0' })).toEqual([
    'job',
    ['dtype'],
  ]);
});

test('every dataset of a mixture is looked up, counted in the estimate and pinned', async () => {
  const mix = [{ dataset: 'none' }, { dataset: 'gone', weight: 0.5 }];
  expect(await refusal({ ...training, mix })).toEqual(['no-such-dataset', ['mix[0].dataset', 'mix[1].dataset']]);
  const body = { ...training, batch: { rows: 1 }, mix: [{ dataset: 'sums', weight: 2 }] };
  const { job, estimate } = await client.call(createJob, { body });
  expect(estimate).toMatchObject({ steps: 9, stepsAreExact: true });
  expect(job?.inputs.datasets?.map(({ name }) => name)).toEqual(['sums', 'sums']);
});

test('refuses to go on from what is not there, of another base or not as told', async () => {
  const from = (adapter: string, more: object = {}) => ({ method: { kind: 'continue', adapter, ...more } });
  expect(await refusal({ ...training, ...from('gone') })).toEqual(['no-such-adapter', ['method.version']]);
  expect(await refusal({ ...training, ...from('adder', { version: '7' }) })).toEqual([
    'no-such-version',
    ['method.version'],
  ]);
  expect(await refusal({ ...training, base: 'other', ...from('adder') })).toEqual([
    'base-mismatch',
    ['method.adapter'],
  ]);
  const config = { r: 77, use_dora: true, target_modules: ['no_such_proj'] };
  expect(await refusal({ ...training, ...from('adder', { config }) })).toEqual([
    'job',
    ['method.config.r', 'method.config.use_dora', 'method.config.target_modules'],
  ]);
  expect(await refusal({ ...training, ...from('adder'), output: { base: 'new' } })).toEqual(['job', ['output']]);
});

test('the version that a training goes on from is pinned, and is its parent', async () => {
  const { job } = await client.call(createJob, {
    body: { ...training, method: { kind: 'continue', adapter: 'adder' } },
  });
  expect(job).toMatchObject({
    request: { method: { kind: 'continue', adapter: 'adder', version: '1' } },
    inputs: { parents: [{ adapter: 'adder', version: 1 }], datasets: [{ name: 'sums' }] },
  });
});

test('refuses an export that its format cannot be', async () => {
  const exported = (given: object) => refusal({ kind: 'export', adapter: 'adder', ...given });
  expect(await exported({ format: 'peft', adapter: undefined })).toEqual(['job', ['adapter']]);
  expect(await exported({ format: 'peft', base: 'tiny' })).toEqual(['job', ['base']]);
  expect(await exported({ format: 'peft', fillLayers: true, dtype: 'f16' })).toEqual(['job', ['fillLayers', 'dtype']]);
  expect(await exported({ format: 'gguf', fillLayers: true, baseModelName: 'served' })).toEqual([
    'job',
    ['fillLayers', 'baseModelName'],
  ]);
  expect(await exported({ format: 'flattened', baseModelName: '' })).toEqual([
    'invalid-request',
    ['body.baseModelName'],
  ]);
  const body = { kind: 'export', adapter: 'adder', format: 'flattened', fillLayers: true } as const;
  expect((await client.call(createJob, { body, query: { dryRun: 'true' } })).job).toBeNull();
});

test('a dry run says what a job would take and makes none', async () => {
  const before = await client.call(listJobs, {});
  const body = { ...training, batch: { rows: 1 } };
  const { job, estimate } = await client.call(createJob, { body, query: { dryRun: 'true' } });
  expect(job).toBeNull();
  expect(estimate).toMatchObject({ steps: 3, basis: expect.stringMatching(/factor of three/) as string });
  expect((await client.call(listJobs, {})).items).toHaveLength(before.items.length);
});

test('a repeated call finds the job that it has made; names are pinned when it is made', async () => {
  const body = { kind: 'evaluate', base: 'tiny', adapter: 'adder', dataset: 'sums' } as const;
  const [first, second] = [
    await client.call(createJob, { body, idempotencyKey: 'once' }),
    await client.call(createJob, { body, idempotencyKey: 'once' }),
  ];
  expect(second.job?.id).toBe(first.job?.id);
  expect(first.job).toMatchObject({
    state: 'queued',
    request: { version: '1' },
    inputs: { base: { name: 'tiny' }, datasets: [{ name: 'sums' }], parents: [{ adapter: 'adder', version: 1 }] },
  });
});

test('a preset is resolved when the job is made, and a fork may take another', async () => {
  const { job } = await client.call(createJob, { body: { ...training, preset: 'small-model', seed: 4 } });
  expect(job?.request).toMatchObject({ optimizer: { learningRate: 1e-3 }, epochs: 2, seed: 4 });
  expect(job?.request).not.toHaveProperty('preset');
  const body = { changes: { preset: 'quick', batch: { rows: 3 } } };
  const { job: fork } = await client.call(forkJob, { params: { job: job?.id ?? '' }, body });
  const settings = { optimizer: { learningRate: 3e-4 }, steps: 100, batch: { rows: 3 }, seed: 4 };
  expect(fork?.request).toMatchObject({ ...settings, method: { config: { r: 8 } } });
  expect(fork?.request).not.toHaveProperty('epochs');
  expect(await refusal({ ...training, preset: 'none' })).toEqual(['invalid-request', ['body.preset']]);
});

test('a fork is a new job with the changes, checked like any other', async () => {
  const { job } = await client.call(createJob, { body: { ...training, optimizer: { learningRate: 0.1 }, steps: 3 } });
  const params = { job: job?.id ?? '' };
  const changes = { seed: 7, optimizer: { weightDecay: 0.1 }, steps: null, epochs: 1 };
  const { job: fork } = await client.call(forkJob, { params, body: { changes } });
  expect(fork).toMatchObject({
    forkOf: params.job,
    request: { seed: 7, epochs: 1, optimizer: { learningRate: 0.1, weightDecay: 0.1 } },
  });
  expect(fork?.request).not.toHaveProperty('steps');
  const refused = async (wrong: Record<string, unknown>): Promise<unknown> =>
    client.call(forkJob, { params, body: { changes: wrong } }).catch((error: unknown) => error);
  expect(await refused({ sed: 1, batch: { rows: 0 } })).toMatchObject({
    code: 'job',
    findings: [
      { where: 'batch.rows' },
      { where: 'sed', message: expect.stringMatching(/did you mean "seed"/) as string },
    ],
  });
  expect(await refused({ epochs: 1 })).toMatchObject({ code: 'job', findings: [{ where: 'epochs' }] });
  expect(await refused({ base: 'gone', dataset: 'gone' })).toMatchObject({
    code: 'job',
    findings: [{ where: 'base' }, { where: 'dataset' }],
  });
});

test('a job that waits is cancelled at once, and stays so', async () => {
  const { job } = await client.call(createJob, { body: training });
  const params = { job: job?.id ?? '' };
  expect(await client.call(cancelJob, { params })).toMatchObject({ state: 'cancelled', resumable: true });
  await expect(client.call(cancelJob, { params })).rejects.toMatchObject({ status: 409, code: 'job-ended' });
  const page = await client.call(listJobs, { query: { state: 'cancelled', kind: 'train', limit: 1 } });
  expect(page.items.map(({ id }) => id)).toEqual([params.job]);
});

test('another team sees nothing of a job', async () => {
  const { job } = await client.call(createJob, { body: training });
  const red = await api.client('red');
  const calls = [getJob, cancelJob, resumeJob, listLogs, listMetrics, listSamples, listJobFiles] as const;
  for (const operation of calls)
    await expect(red.call(operation, { params: { job: job?.id ?? '' } })).rejects.toMatchObject({ status: 404 });
});

/** A training run that a container has claimed, and that came to this end. */
async function ended(...changes: JobChange[]): Promise<Job> {
  const { job } = await client.call(createJob, { body: { ...training, seed: 5 } });
  const jobId = job?.id ?? '';
  const { value } = await getJobRecord(api.world.table, 'blue', jobId);
  await changeJobRecord(api.world, api.caller(), jobId, { type: 'claim', runId: value.runId });
  for (const change of changes) await changeJobRecord(api.world, api.caller(), jobId, change);
  return client.call(getJob, { params: { job: jobId } });
}
const refuse: JobChange = { type: 'refuse', reason: 'The loss is no number.' };
const failed = (): Promise<Job> => ended(refuse);
const cancelled = (): Promise<Job> => ended({ type: 'cancel' }, { type: 'stop', reason: 'Stopped after step 3.' });

test('a job that works, waits or is done does not go on', async () => {
  const { job: waiting } = await client.call(createJob, { body: training });
  for (const job of [waiting, await ended(), await ended({ type: 'cancel' }), await ended({ type: 'succeed' })]) {
    expect(job?.resumable).toBe(false);
    await expect(client.call(resumeJob, { params: { job: job?.id ?? '' } })).rejects.toMatchObject({
      status: 409,
      code: 'not-resumable',
      message: expect.stringContaining(job?.state ?? '') as string,
    });
  }
});

test.each([
  ['failed', failed],
  ['cancelled', cancelled],
] as const)('a %s run goes on as itself, in a new run of the runner; asked twice, once', async (state, end) => {
  const before = await end();
  expect(before).toMatchObject({ state, resumable: true, attempt: 1, endedAt: expect.any(String) as string });
  const params = { job: before.id };
  const runId = async (): Promise<string> => (await getJobRecord(api.world.table, 'blue', before.id)).value.runId;
  const first = await runId();
  const after = await client.call(resumeJob, { params });
  expect(after).toMatchObject({ id: before.id, state: 'queued', resumable: false, attempt: 2, endedAt: null });
  expect(after.request).toEqual(before.request);
  expect(await runId()).not.toBe(first);
  expect(await api.world.runner.describe(await runId())).toMatchObject({ jobId: before.id });
  await expect(client.call(resumeJob, { params })).rejects.toMatchObject({ code: 'not-resumable' });
});

test.each([
  ['failed', failed],
  ['cancelled', cancelled],
] as const)('a %s run is forked into another job, and stays as it is', async (_, end) => {
  const before = await end();
  const params = { job: before.id };
  const dry = { params, query: { dryRun: 'true' }, body: { changes: { seed: 6 } } };
  expect((await client.call(forkJob, dry)).job).toBeNull();
  const { job } = await client.call(forkJob, { params, body: { changes: { seed: 6 } } });
  expect(job).toMatchObject({
    state: 'queued',
    attempt: 1,
    forkOf: before.id,
    request: { ...before.request, seed: 6 },
  });
  expect(await client.call(getJob, { params })).toEqual(before);
});
