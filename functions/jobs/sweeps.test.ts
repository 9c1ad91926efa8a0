import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { getBudget, setBudget } from '../../shared/contract/budgets.ts';
import { cancelJob, createJob, forkJob, getJob, listJobs, type Job } from '../../shared/contract/jobs.ts';
import type { Finding } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { startTrials } from '../../shared/records/trials.ts';
import { sweepJob } from '../job-events/sweep-job.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { storeDataset } from '../../test/support/stored-things.ts';

// Jobs are made and never run here: their runs end at once, and nobody sweeps.
let api: LocalApi;
let client: ApiClient;
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
  const rows = Array.from({ length: 10 }, (_, i) => ({ prompt: `${i} + 1 =`, completion: ` ${i + 1}` }));
  await storeDataset(api.world, api.caller(), 'sums', rows);
});
afterAll(() => api.close());

type Body = Parameters<typeof client.call<typeof createJob>>[1]['body'];
const train = { base: 'tiny', dataset: 'sums', evalFraction: 0.2, steps: 5 };
const sweep = (given: object = {}): Body => ({
  kind: 'sweep',
  train,
  over: { r: [1, 2] },
  output: { adapter: 'swept' },
  ...given,
});

async function refusal(given: object): Promise<[string, (string | undefined)[]]> {
  try {
    await client.call(createJob, { body: sweep(given) });
  } catch (error) {
    const { code, findings } = error as { code: string; findings: readonly Finding[] };
    return [code, findings.map(({ where }) => where)];
  }
  throw new Error('it was not refused');
}

const make = async (given: object = {}): Promise<Job> => {
  const { job } = await client.call(createJob, { body: sweep(given) });
  return client.call(getJob, { params: { job: job?.id ?? '' } });
};
const reserved = async () => (await client.call(getBudget, { params: { subject: 'team' } })).reserved;

test('refuses what is no sweep, and what any trial would be refused for, where it stands', async () => {
  expect(await refusal({ over: undefined })).toEqual(['job', ['over']]);
  expect(await refusal({ runs: [{ r: 1 }] })).toEqual(['job', ['over']]);
  expect(await refusal({ runs: [{ r: 1 }, { r: 1 }], over: undefined })).toEqual(['job', ['runs[1]']]);
  expect(await refusal({ train: { ...train, evalFraction: undefined } })).toEqual(['job', ['train.data']]);
  expect(await refusal({ train: { ...train, dataset: 'gone', base: 'none' } })).toEqual([
    'job',
    ['train.base', 'train.dataset'],
  ]);
  expect(await refusal({ over: { target_modules: ['no_such_proj', 'all-linear'] } })).toEqual([
    'targets-nothing',
    ['over.target_modules'],
  ]);
  expect(await refusal({ over: undefined, runs: [{ r: 1 }, { target_modules: 'no_such_proj' }] })).toEqual([
    'targets-nothing',
    ['runs[1].target_modules'],
  ]);
  expect((await refusal({ train: { ...train, method: { kind: 'full' } } }))[0]).toBe('invalid-request');
});

test('has at most so many trials, and a combination of very many is refused before any is made', async () => {
  const rates = (count: number) => Array.from({ length: count }, (_, i) => (i + 1) * 1e-5);
  const dry = await client.call(createJob, {
    body: sweep({ over: { learningRate: rates(limits.sweepRunsMax) } }),
    query: { dryRun: 'true' },
  });
  expect(dry.job).toBeNull();
  expect(await refusal({ over: { learningRate: rates(limits.sweepRunsMax + 1) } })).toEqual(['job', ['over']]);
  const many = Array.from({ length: 3000 }, (_, i) => i + 1);
  expect(await refusal({ over: { r: many, lora_alpha: many, learningRate: rates(3000) } })).toEqual(['job', ['over']]);
});

test('a dry run tells the sum of all trials', async () => {
  const dry = async (given: object) => client.call(createJob, { body: sweep(given), query: { dryRun: 'true' } });
  const one = await dry({ over: { r: [1] } });
  const two = await dry({ over: { r: [1], learningRate: [0.1, 0.2] } });
  expect(two.estimate.seconds).toBeCloseTo(2 * one.estimate.seconds);
  expect(two.estimate).toMatchObject({ steps: 10, memoryBytes: one.estimate.memoryBytes, stepsAreExact: true });
  const bounded = await dry({ budget: { maxSeconds: 100 } });
  expect(bounded.cost?.maxSeconds).toBeLessThanOrEqual(100);
  expect(bounded.cost?.maxSeconds).toBeGreaterThan(99);
});

test('each trial is made once, however often it is done, and reserves nothing more; cancelled, all is given back', async () => {
  expect(await reserved()).toMatchObject({ jobs: 0 });
  const job = await make({ budget: { maxSeconds: 1000 } });
  expect(await reserved()).toMatchObject({ jobs: 3, machineHours: 1000 / 3600 });
  const { value } = await getJobRecord(api.world.table, 'blue', job.id);
  await Promise.all([startTrials(api.world, value), startTrials(api.world, value)]);
  const trials = (await client.call(listJobs, { query: { kind: 'train' } })).items.filter(
    (one) => one.sweep === job.id,
  );
  expect(trials.map(({ id }) => id).toSorted()).toEqual(job.trials?.map(({ jobId }) => jobId).toSorted());
  expect(trials[0]?.allowance?.maxSeconds).toBe(475);
  expect(await reserved()).toMatchObject({ jobs: 3, machineHours: 1000 / 3600 });
  const cancelled = await client.call(cancelJob, { params: { job: job.id } });
  expect(cancelled).toMatchObject({ state: 'cancelling', trials: [{ state: 'cancelled' }, { state: 'cancelled' }] });
  const own = (await reserved()).machineHours * 3600;
  expect(own).toBeCloseTo(50);
  // its trials have ended, and the next look at it sees that
  await sweepJob(api.world, 'blue', job.id);
  expect(await client.call(getJob, { params: { job: job.id } })).toMatchObject({
    state: 'cancelled',
    usage: { chargedSeconds: 0 },
  });
  expect(await reserved()).toMatchObject({ jobs: 0, machineHours: 0 });
});

test('a limit of jobs at a time counts every trial, and refuses the sweep whole', async () => {
  const { jobs } = await reserved();
  await client.call(setBudget, { params: { subject: 'team' }, body: { jobs: jobs + 2 } });
  expect((await refusal({}))[0]).toBe('too-many-jobs');
  expect((await reserved()).jobs).toBe(jobs);
  await client.call(setBudget, { params: { subject: 'team' }, body: { jobs: jobs + 3 } });
  const job = await make();
  expect(job.trials).toHaveLength(2);
  const fork = await client.call(forkJob, {
    params: { job: job.trials?.[0]?.jobId ?? '' },
    body: { changes: {} },
    query: { dryRun: 'true' },
  });
  expect(fork.job).toBeNull();
});
