import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { getBudget } from '../../shared/contract/budgets.ts';
import { cancelJob, createJob, getJob, resumeJob, type Job } from '../../shared/contract/jobs.ts';
import type { SweepReport } from '../../shared/contract/reports.ts';
import { getVersion, listVersions } from '../../shared/contract/versions.ts';
import { storeTrainingInputs } from '../support/interrupted-training.ts';
import { openJobPlatform, type JobPlatform } from '../support/job-platform.ts';

// Sweeps whose trials are processes of their own, as on a server.
let folder = '';
let platform: JobPlatform;
let client: ApiClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-sweeps-'));
  const container = fileURLToPath(new URL('../support/dying-container.ts', import.meta.url));
  platform = await openJobPlatform({ container });
  client = await platform.client();
  await storeTrainingInputs(platform.world, platform.caller(), join(folder, 'tiny'));
});
afterAll(async () => {
  await platform.close();
  await rm(folder, { recursive: true });
});

const train = {
  base: 'tiny',
  dataset: 'sums',
  evalFraction: 0.1,
  steps: 6,
  batch: { rows: 6, microBatchTokens: 48, packTokens: 32 },
  checkpoint: { everySeconds: 0.05 },
} as const;
type Body = Parameters<typeof client.call<typeof createJob>>[1]['body'];

async function submit(adapter: string, given: object = {}): Promise<string> {
  const over = { r: [1, 2], learningRate: [0.001, 0.05] };
  const body = { kind: 'sweep', train, over, output: { adapter }, ...given } as Body; // with what a test gives
  return (await client.call(createJob, { body })).job?.id ?? '';
}

const versionsOf = async (adapter: string) =>
  (await client.call(listVersions, { params: { adapter } }).catch(() => ({ items: [] }))).items;
const reportOf = (job: Job): SweepReport => job.report as unknown as SweepReport; // of a job of this kind
const reserved = async () => (await client.call(getBudget, { params: { subject: 'team' } })).reserved;

let done: Job;
test('every trial is a job of its own, the ranking is by held-out loss, and the best becomes a version', async () => {
  const id = await submit('best');
  const made = await client.call(getJob, { params: { job: id } });
  expect(made).toMatchObject({ kind: 'sweep', state: 'queued' });
  expect(made.trials?.map(({ name, settings }) => [name, settings])).toEqual([
    ['run-01', { r: 1, learningRate: 0.001 }],
    ['run-02', { r: 1, learningRate: 0.05 }],
    ['run-03', { r: 2, learningRate: 0.001 }],
    ['run-04', { r: 2, learningRate: 0.05 }],
  ]);
  done = await platform.waitFor(client, id);
  expect(done).toMatchObject({ state: 'succeeded', output: { adapter: 'best', version: 1 } });
  const { runs, best } = reportOf(done);
  const losses = runs.map(({ evalLoss }) => evalLoss ?? NaN);
  expect(losses).toEqual(losses.toSorted((a, b) => a - b));
  expect(runs.map(({ rank }) => rank)).toEqual([1, 2, 3, 4]);
  expect(runs[0]?.name).toBe(best);
  const trial = await client.call(getJob, { params: { job: runs[0]?.jobId ?? '' } });
  expect(trial).toMatchObject({ kind: 'train', state: 'succeeded', sweep: id, output: {} });
  expect((trial.report as { evalLoss?: number }).evalLoss).toBe(losses[0]);
  const version = await client.call(getVersion, { params: { adapter: 'best', version: 'latest' } });
  expect(version).toMatchObject({ id: done.output.versionId, checks: { usable: true }, lineage: { jobId: trial.id } });
  expect(version.notes).toContain(best);
  expect(await versionsOf('best')).toHaveLength(1);
  expect(await reserved()).toMatchObject({ jobs: 0, machineHours: 0 });
}, 120_000);

test('asked for, each trial becomes a version, and the best is the latest', async () => {
  const job = await platform.waitFor(client, await submit('each', { over: { r: [1, 2] }, publish: 'each' }));
  expect(job.output.versions).toHaveLength(2);
  const [latest] = (await versionsOf('each')).toSorted((a, b) => (b.version ?? 0) - (a.version ?? 0));
  expect(latest?.lineage.jobId).toBe(reportOf(job).runs[0]?.jobId);
}, 120_000);

test('a trial that diverges stands at the end of the ranking and sinks no other; where all do, the sweep fails', async () => {
  const wild = { learningRate: [0.01, 1e30] };
  const calm = { ...train, optimizer: { clipNorm: 0 } };
  const job = await platform.waitFor(client, await submit('wild', { train: calm, over: wild }));
  expect(job).toMatchObject({ state: 'succeeded', output: { adapter: 'wild' } });
  expect(reportOf(job).runs).toMatchObject([{ rank: 1 }, { rank: null, state: 'diverged' }]);
  const none = await platform.waitFor(client, await submit('none', { train: calm, over: { learningRate: [1e30] } }));
  expect(none).toMatchObject({ state: 'failed', findings: [{ code: 'sweep' }], output: {} });
  expect(await versionsOf('none')).toEqual([]);
}, 120_000);

test('cancelled, all its trials end; resumed, only what is missing is trained', async () => {
  const id = await submit('halted', { train: { ...train, steps: 300 }, over: { r: [1, 2, 3] } });
  const isTraining = ({ trials = [] }: Job): boolean => trials.some(({ state }) => state === 'running');
  const begun = await platform.waitFor(client, id, isTraining);
  await client.call(cancelJob, { params: { job: id } });
  const cancelled = await platform.waitFor(client, id);
  expect(cancelled).toMatchObject({ state: 'cancelled', resumable: true, output: {} });
  expect(cancelled.trials?.every(({ state }) => state === 'cancelled' || state === 'succeeded')).toBe(true);
  expect(cancelled.trials?.some(({ state }) => state === 'cancelled')).toBe(true);
  expect(await reserved()).toMatchObject({ jobs: 0, machineHours: 0 });
  const [first] = begun.trials ?? [];
  await expect(client.call(resumeJob, { params: { job: first?.jobId ?? '' } })).rejects.toMatchObject({
    code: 'not-resumable',
  });
  await client.call(resumeJob, { params: { job: id } });
  const job = await platform.waitFor(client, id);
  expect(job).toMatchObject({ state: 'succeeded', output: { adapter: 'halted', version: 1 } });
  expect(reportOf(job).runs.map(({ steps }) => steps)).toEqual([300, 300, 300]);
}, 180_000);

test('killed while it publishes, it publishes each once, by the ranking that it had', async () => {
  platform.env['LORARY_DEATH'] = JSON.stringify({ stage: 'version' });
  const id = await submit('torn', { over: { r: [1, 2] }, publish: 'each' });
  const torn = await platform.waitFor(client, id, ({ attempt }) => attempt === 2);
  expect(torn.output.versions).toHaveLength(1);
  delete platform.env['LORARY_DEATH'];
  const job = await platform.waitFor(client, id);
  expect(job).toMatchObject({ state: 'succeeded' });
  expect(new Set((await versionsOf('torn')).map(({ version }) => version))).toEqual(new Set([1, 2]));
}, 120_000);

test('its budget is reserved once and never exceeded by its trials', async () => {
  const id = await submit('bounded', { over: { r: [1, 2] }, budget: { maxSeconds: 200 } });
  const held = await reserved();
  expect(held.jobs).toBe(3);
  expect(held.machineHours).toBeLessThanOrEqual(200 / 3600);
  expect(held.machineHours).toBeGreaterThan(195 / 3600);
  const job = await platform.waitFor(client, id);
  expect(job.allowance?.maxSeconds).toBeLessThanOrEqual(200);
  expect(job.usage.chargedSeconds).toBeGreaterThan(0);
  expect(job.usage.chargedSeconds).toBeLessThanOrEqual(200);
  expect(await reserved()).toMatchObject({ jobs: 0, machineHours: 0 });
}, 120_000);
