import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { cancelJob, getJob, listMetrics, resumeJob, type Job } from '../../shared/contract/jobs.ts';
import { getVersion, listVersions } from '../../shared/contract/versions.ts';
import { readStream } from '../../shared/records/job-stream.ts';
import { storeTrainingInputs } from '../support/interrupted-training.ts';
import { openJobPlatform, type JobPlatform } from '../support/job-platform.ts';
import { uniform } from '../support/random-base.ts';
import { storeDataset } from '../support/stored-things.ts';
import { submitTasks, taskWeights } from '../support/task-training.ts';

// Several adapters that one job trains: containers are processes that kill themselves, as in `killed-jobs.test.ts`.
let folder = '';
let platform: JobPlatform;
let client: ApiClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-task-jobs-'));
  const container = fileURLToPath(new URL('../support/dying-container.ts', import.meta.url));
  platform = await openJobPlatform({ container });
  client = await platform.client();
  await storeTrainingInputs(platform.world, platform.caller(), join(folder, 'tiny'));
  const rows = Array.from({ length: 30 }, (_, i) => ({ prompt: `${i} - 1 =`, completion: ` ${i - 1}` }));
  await storeDataset(platform.world, platform.caller(), 'differences', rows);
});
afterAll(async () => {
  await platform.close();
  await rm(folder, { recursive: true });
});

const weights = (job: Job): Promise<readonly Buffer[]> => taskWeights(platform.world, 'blue', job);
const numbers = async (adapter: string): Promise<number[]> =>
  (await client.call(listVersions, { params: { adapter } }).catch(() => ({ items: [] }))).items.map(
    ({ version }) => version ?? 0,
  );
const without = (rows: readonly object[]): object[] => rows.map((row) => ({ ...row, tokensPerSecond: 0 }));
const metricsOf = async (job: string, task?: string) =>
  (await client.call(listMetrics, { params: { job }, ...(task === undefined ? {} : { query: { task } }) })).rows;

let steady: Job;
test('each task becomes a version of its own, made of its own rows, with what was measured of it', async () => {
  const id = await submitTasks(client, 'steady', 40);
  steady = await platform.waitFor(client, id);
  expect(steady).toMatchObject({ state: 'succeeded', attempt: 1, stoppedBy: null });
  expect(steady.output.versions?.map(({ adapter, version }) => [adapter, version])).toEqual([
    ['steady-even', 1],
    ['steady-odd', 1],
  ]);
  const [even, odd] = await Promise.all(
    ['steady-even', 'steady-odd'].map((adapter) => client.call(getVersion, { params: { adapter, version: 'latest' } })),
  );
  for (const [version, dataset] of [
    [even, 'sums'],
    [odd, 'differences'],
  ] as const) {
    expect(version).toMatchObject({
      state: 'published',
      checks: { usable: true },
      lineage: { origin: 'train', jobId: id },
    });
    expect(version?.lineage.datasets?.map(({ name }) => name)).toEqual([dataset]);
    expect(version?.files.map(({ path }) => path)).toContain('training.json');
  }
  const own = await metricsOf(id, 'steady-even');
  expect(own.filter((row) => 'loss' in row).map(({ step }) => step)).toEqual(
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
  expect(own.filter((row) => 'evalLoss' in row).map(({ step }) => step)).toEqual([0, 20, 40]);
  expect(own.every(({ task }) => task === 'steady-even')).toBe(true);
  const all = await metricsOf(id);
  expect(new Set(all.map(({ task }) => task))).toEqual(new Set(['steady-even', 'steady-odd']));
  expect(steady.report).toMatchObject({
    kind: 'train-tasks',
    tasks: [{ report: { steps: 40 } }, { report: { steps: 40 } }],
  });
}, 60_000);

test('killed at any moment, the tasks end with the same bits as those that were left alone, each published once', async () => {
  const random = uniform(Date.now());
  let deaths = 0;
  const plan = (): void => {
    const [events, milliseconds] = [1 + Math.floor(random() * 40), Math.floor(random() * 60)];
    if (deaths < 4) platform.env['LORARY_DEATH'] = JSON.stringify({ events, milliseconds });
    else delete platform.env['LORARY_DEATH'];
  };
  plan();
  const id = await submitTasks(client, 'killed', 40);
  let job: Job;
  do {
    plan();
    const { attempt: before } = await client.call(getJob, { params: { job: id } });
    job = await platform.waitFor(client, id, ({ attempt, endedAt }) => attempt > before || endedAt !== null);
    if (job.state === 'succeeded') break;
    deaths++;
    if (job.state === 'failed') job = await client.call(resumeJob, { params: { job: id } });
  } while (job.state !== 'succeeded');
  expect(deaths).toBeGreaterThanOrEqual(2);
  expect(await weights(job)).toEqual(await weights(steady));
  expect(await numbers('killed-even')).toEqual([1]);
  expect(await numbers('killed-odd')).toEqual([1]);
  const named = (rows: readonly object[]): string => JSON.stringify(without(rows)).replaceAll('killed-', 'steady-');
  expect(named(await metricsOf(id))).toEqual(JSON.stringify(without(await metricsOf(steady.id))));
}, 180_000);

test.each([
  ['stored', 'nothing is published', 0],
  ['version', 'one of two is published', 1],
  ['published', 'all is published', 2],
] as const)(
  'killed at "%s", when %s, the job says what stands, publishes the rest once and trains nothing again',
  async (stage, _, standing) => {
    platform.env['LORARY_DEATH'] = JSON.stringify({ stage });
    const id = await submitTasks(client, `at-${stage}`, 6);
    const torn = await platform.waitFor(client, id, ({ attempt }) => attempt === 2);
    expect(torn.output.versions ?? []).toHaveLength(standing);
    expect([await numbers(`at-${stage}-even`), await numbers(`at-${stage}-odd`)].flat()).toHaveLength(standing);
    delete platform.env['LORARY_DEATH'];
    const done = await platform.waitFor(client, id);
    expect(done).toMatchObject({ state: 'succeeded', output: { versions: [{ version: 1 }, { version: 1 }] } });
    expect([await numbers(`at-${stage}-even`), await numbers(`at-${stage}-odd`)]).toEqual([[1], [1]]);
    const events = await readStream(platform.world.table, 'blue', id, { after: 0, count: Infinity });
    expect(events.filter(({ event }) => event.type === 'run')).toHaveLength(2);
  },
  60_000,
);

test('cancelled, it keeps the work of all tasks and publishes nothing; resumed, it ends with the same bits', async () => {
  const alone = await platform.waitFor(client, await submitTasks(client, 'uncancelled', 200));
  const id = await submitTasks(client, 'cancelled', 200);
  await platform.waitFor(client, id, ({ progress }) => progress?.unit === 'steps');
  await client.call(cancelJob, { params: { job: id } });
  const cancelled = await platform.waitFor(client, id);
  expect(cancelled).toMatchObject({ state: 'cancelled', resumable: true, output: {} });
  expect([await numbers('cancelled-even'), await numbers('cancelled-odd')]).toEqual([[], []]);
  await client.call(resumeJob, { params: { job: id } });
  const done = await platform.waitFor(client, id);
  expect(done).toMatchObject({ state: 'succeeded', attempt: 2 });
  expect(await weights(done)).toEqual(await weights(alone));
}, 120_000);

test('where its allowance is spent, every task is published as it stands', async () => {
  const id = await submitTasks(client, 'spent', 100_000, { maxSeconds: 20 });
  const job = await platform.waitFor(client, id);
  expect(job).toMatchObject({ state: 'succeeded', stoppedBy: 'budget' });
  expect(job.findings.filter(({ code }) => code === 'budget-spent').map(({ where }) => where)).toEqual([
    'spent-even',
    'spent-odd',
  ]);
  expect(job.output.versions).toHaveLength(2);
  for (const adapter of ['spent-even', 'spent-odd'])
    expect(await client.call(getVersion, { params: { adapter, version: 'latest' } })).toMatchObject({
      checks: { usable: true },
    });
  expect(job.usage.chargedSeconds).toBeLessThanOrEqual(20);
}, 60_000);
