import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { cancelJob, listMetrics, resumeJob, type Job } from '../../shared/contract/jobs.ts';
import { listVersions } from '../../shared/contract/versions.ts';
import { limits } from '../../shared/limits.ts';
import { readStream } from '../../shared/records/job-stream.ts';
import { sweep } from '../../functions/job-events/sweep.ts';
import { storeTrainingInputs, submitTraining, weightsOf } from '../support/interrupted-training.ts';
import { openJobPlatform, type JobPlatform } from '../support/job-platform.ts';
import { uniform } from '../support/random-base.ts';

// Containers are processes that kill themselves; the sweep is the only one that looks after their jobs.
let folder = '';
let platform: JobPlatform;
let client: ApiClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-killed-'));
  const container = fileURLToPath(new URL('../support/dying-container.ts', import.meta.url));
  platform = await openJobPlatform({ container });
  client = await platform.client();
  await storeTrainingInputs(platform.world, platform.caller(), join(folder, 'tiny'));
});
afterAll(async () => {
  await platform.close();
  await rm(folder, { recursive: true });
});

const submit = (adapter: string, steps = 120): Promise<string> => submitTraining(client, adapter, steps);
const weights = (job: Job): Promise<Buffer> => weightsOf(platform.world, platform.caller().team, job);

const versionsOf = async (adapter: string): Promise<number[]> =>
  (await client.call(listVersions, { params: { adapter } })).items.map(({ version }) => version ?? 0);

const without = (rows: readonly object[]): object[] => rows.map((row) => ({ ...row, tokensPerSecond: 0 }));

let steady: Job;
test('undisturbed', async () => {
  steady = await platform.waitFor(client, await submit('steady'));
  expect(steady).toMatchObject({ state: 'succeeded', attempt: 1 });
}, 60_000);

test('killed five times at any moment, a run ends with the same bits as one that was left alone, published once', async () => {
  const random = uniform(Date.now());
  const deaths = new Set<number>();
  // read when the next container starts
  const plan = (): void => {
    const [events, milliseconds] = [1 + Math.floor(random() * 20), Math.floor(random() * 60)];
    if (deaths.size < 5) platform.env['LORARY_DEATH'] = JSON.stringify({ events, milliseconds });
    else delete platform.env['LORARY_DEATH'];
  };
  plan();
  const jobId = await submit('killed');
  let job: Job;
  do {
    plan();
    job = await platform.waitFor(
      client,
      jobId,
      ({ attempt, endedAt }) => attempt > deaths.size + 1 || endedAt !== null,
    );
    if (job.state === 'failed') expect(job.reason).toMatch(/died 3 times.*SIGKILL/);
    if (job.state === 'failed') job = await client.call(resumeJob, { params: { job: jobId } });
    for (let attempt = 1; attempt < job.attempt; attempt++) deaths.add(attempt);
  } while (job.state !== 'succeeded');
  expect(deaths.size).toBeGreaterThanOrEqual(5);
  const done = job;
  expect(await weights(done)).toEqual(await weights(steady));
  expect(await versionsOf('killed')).toEqual([1]);
  const [killed, alone] = await Promise.all(
    [jobId, steady.id].map(async (job) => (await client.call(listMetrics, { params: { job } })).rows),
  );
  expect(without(killed ?? [])).toEqual(without(alone ?? []));
}, 180_000);

test.each(['stored', 'published'] as const)(
  'killed when its result is %s and its end not written, a job publishes once and does not train again',
  async (stage) => {
    platform.env['LORARY_DEATH'] = JSON.stringify({ stage });
    const jobId = await submit(`once-${stage}`);
    await platform.waitFor(client, jobId, ({ attempt }) => attempt === 2);
    const published = await versionsOf(`once-${stage}`).catch(() => []);
    expect(published).toEqual(stage === 'published' ? [1] : []);
    delete platform.env['LORARY_DEATH'];
    // a second container was started with the same death; the third lives
    const done = await platform.waitFor(client, jobId);
    expect(done).toMatchObject({ state: 'succeeded', output: { version: 1 } });
    expect(await versionsOf(`once-${stage}`)).toEqual([1]);
    expect(await weights(done)).toEqual(await weights(steady));
    const events = await readStream(platform.world.table, 'blue', jobId, { after: 0, count: Infinity });
    expect(events.filter(({ event }) => event.type === 'run')).toHaveLength(1);
  },
  60_000,
);

test('cancelled, a run saves its work first; resumed, it goes on there and ends with the same bits', async () => {
  const alone = await platform.waitFor(client, await submit('uncancelled', 300));
  const jobId = await submit('cancelled', 300);
  const isTraining = ({ progress }: Job): boolean => progress?.unit === 'steps';
  await platform.waitFor(client, jobId, isTraining);
  await client.call(cancelJob, { params: { job: jobId } });
  const cancelled = await platform.waitFor(client, jobId);
  expect(cancelled).toMatchObject({ state: 'cancelled', resumable: true });
  expect(cancelled.reason).toMatch(/^Stopped after step \d+ of 300/);
  expect(cancelled.reason).not.toContain(platform.folder);
  await expect(client.call(cancelJob, { params: { job: jobId } })).rejects.toMatchObject({ code: 'job-ended' });
  await client.call(resumeJob, { params: { job: jobId } });
  const done = await platform.waitFor(client, jobId);
  expect(done).toMatchObject({ state: 'succeeded', attempt: 2 });
  expect(await weights(done)).toEqual(await weights(alone));
  const events = await readStream(platform.world.table, 'blue', jobId, { after: 0, count: Infinity });
  const firsts = events.flatMap(({ event }) => (event.type === 'run' ? [event.firstStep] : []));
  expect(firsts[0]).toBe(1);
  expect(firsts[1]).toBeGreaterThan(1);
}, 60_000);

test('a run whose machine is about to go saves its work, and another container goes on there by itself', async () => {
  platform.env['LORARY_DEATH'] = JSON.stringify({ events: 30, signal: 'SIGTERM' });
  const jobId = await submit('moved');
  await platform.waitFor(client, jobId, ({ attempt }) => attempt === 2);
  delete platform.env['LORARY_DEATH'];
  const done = await platform.waitFor(client, jobId);
  expect(done).toMatchObject({ state: 'succeeded', output: { version: 1 } });
  expect(await weights(done)).toEqual(await weights(steady));
  const events = await readStream(platform.world.table, 'blue', jobId, { after: 0, count: Infinity });
  // what was announced as kept is never done again, and every step was done once
  const steps = events.flatMap(({ event }) => (event.type === 'step' ? [event.step] : []));
  expect(steps).toEqual(Array.from({ length: 120 }, (_, i) => i + 1));
}, 60_000);

test('nothing of jobs that have ended stays where containers work', async () => {
  platform.pass(1000 * (limits.jobLeaveSeconds + 1));
  await sweep(platform.world, { work: platform.work });
  expect(await readdir(join(platform.work, 'blue'))).toEqual([]);
});
