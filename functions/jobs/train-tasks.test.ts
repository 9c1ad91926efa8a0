import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createJob, forkJob, getJob, type Job } from '../../shared/contract/jobs.ts';
import type { Finding } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
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
  await storeDataset(api.world, api.caller(), 'more', [{ prompt: '1 + 2 =', completion: ' 3' }]);
  await pushVersion(api, client, 'adder', { base: 'other' });
  await api.settle();
});
afterAll(() => api.close());

const task = (adapter: string, given: object = {}) => ({ output: { adapter }, dataset: 'sums', ...given });
const request = (tasks: readonly object[], train: object = {}) =>
  ({ kind: 'train-tasks', train: { base: 'tiny', ...train }, tasks }) as unknown as Parameters<
    typeof client.call<typeof createJob>
  >[1]['body']; // what a caller may send

async function refusal(tasks: readonly object[], train: object = {}): Promise<[string, (string | undefined)[]]> {
  try {
    await client.call(createJob, { body: request(tasks, train) });
  } catch (error) {
    const { code, findings } = error as { code: string; findings: readonly Finding[] };
    return [code, findings.map(({ where }) => where)];
  }
  throw new Error('it was not refused');
}

test('refuses with everything that is wrong with any task, and where', async () => {
  expect(
    await refusal([task('a', { dataset: 'gone' }), task('adder', { evalDataset: 'none' })], { base: 'nothing' }),
  ).toEqual(['job', ['train.base', 'tasks[0].dataset', 'tasks[1].evalDataset']]);
  expect(await refusal([task('adder')])).toEqual(['base-mismatch', ['tasks[0].output.adapter']]);
  expect(await refusal([task('a', { mix: [{ dataset: 'gone' }] })])).toEqual([
    'no-such-dataset',
    ['tasks[0].mix[0].dataset'],
  ]);
  const config = { target_modules: ['no_such_proj'] };
  expect(await refusal([task('a'), task('b', { method: { kind: 'lora', config } })])).toEqual([
    'targets-nothing',
    ['tasks[1].method.config.target_modules'],
  ]);
  expect(await refusal([task('a'), task('b')], { method: { kind: 'lora', config } })).toEqual([
    'targets-nothing',
    ['train.method.config.target_modules'],
  ]);
});

test('refuses what cannot share a base, and two tasks that make one adapter', async () => {
  expect(await refusal([task('a'), task('a')])).toEqual(['invalid-request', ['body.tasks[1].output.adapter']]);
  const dropout = { method: { kind: 'lora', config: { lora_dropout: 0.1 } } };
  expect(await refusal([task('a', dropout)])).toEqual(['job', ['tasks[0].method.config.lora_dropout']]);
  expect((await refusal([task('a')], { method: { kind: 'full' } }))[0]).toBe('invalid-request');
  const many = (count: number) => Array.from({ length: count }, (_, i) => task(`t${i}`));
  expect((await refusal(many(limits.tasksMax + 1)))[0]).toBe('invalid-request');
  expect((await refusal([]))[0]).toBe('invalid-request');
  const { job } = await client.call(createJob, { body: request(many(limits.tasksMax)), query: { dryRun: 'true' } });
  expect(job).toBeNull();
});

test('is estimated as the work of all tasks on one copy of the base', async () => {
  const estimateOf = async (body: Parameters<typeof client.call<typeof createJob>>[1]['body']) =>
    (await client.call(createJob, { body, query: { dryRun: 'true' } })).estimate;
  const single = await estimateOf({ kind: 'train', base: 'tiny', dataset: 'sums', output: { adapter: 'a' }, steps: 5 });
  const one = await estimateOf(request([task('a')], { steps: 5 }));
  expect(one).toEqual(single);
  const two = await estimateOf(request([task('a'), task('b', { steps: 7 })], { steps: 5 }));
  expect(two).toMatchObject({ steps: 12, stepsAreExact: true });
  expect(two.seconds).toBeGreaterThan(2 * single.seconds);
  expect(two.memoryBytes).toBeGreaterThan(single.memoryBytes);
  expect(two.memoryBytes).toBeLessThan(1.5 * single.memoryBytes);
});

test('pins every dataset, and a fork may change a task', async () => {
  const made = await client.call(createJob, { body: request([task('a'), task('b', { dataset: 'more' })]) });
  const job = made.job as Job; // it was no dry run
  expect(job.inputs.datasets?.map(({ name }) => name)).toEqual(['sums', 'more']);
  expect(job.allowance).not.toBeNull();
  const changes = { train: { optimizer: { learningRate: 0.5 } } };
  const fork = await client.call(forkJob, { params: { job: job.id }, body: { changes } });
  expect(fork.job).toMatchObject({ forkOf: job.id, request: { train: { optimizer: { learningRate: 0.5 } } } });
});

test('a key with a prefix makes adapters of its own names only, and does not see the job of others', async () => {
  const bound = await api.client('blue', { adapterPrefix: 'mine-' });
  const theirs = (await client.call(createJob, { body: request([task('mine-a'), task('theirs')]) })).job?.id ?? '';
  await expect(bound.call(getJob, { params: { job: theirs } })).rejects.toMatchObject({ code: 'not-found' });
  await expect(bound.call(createJob, { body: request([task('mine-a'), task('theirs')]) })).rejects.toMatchObject({
    code: 'outside-prefix',
  });
  const own = (await bound.call(createJob, { body: request([task('mine-a')]) })).job?.id ?? '';
  expect(await bound.call(getJob, { params: { job: own } })).toMatchObject({ kind: 'train-tasks' });
});
