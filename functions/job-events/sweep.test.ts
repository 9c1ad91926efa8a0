import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { limits } from '../../shared/limits.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { commit } from '../../shared/records/commit.ts';
import { writeHeartbeat } from '../../shared/records/job-heartbeat.ts';
import { getJobRecord, type JobRecord } from '../../shared/records/jobs.ts';
import { jobWrites, newJob, startRun, submitJob } from '../../shared/records/submit-job.ts';
import { changed } from '../../test/support/changed.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { sweep } from './sweep.ts';

// The runs are real processes that do what a test asks of a container: end at once with some code, or do nothing for ever.
let api: LocalApi;
let script = '';
beforeEach(async () => {
  script = '';
  api = await openLocalApi({ commandOf: () => ({ command: process.execPath, args: ['-e', script], env: {} }) });
});
afterEach(async () => {
  for (const { runId } of await api.world.runner.list()) await api.world.runner.cancel(runId);
  await eventually(async () => (await api.world.runner.list()).length === 0);
  await api.close();
});

const forEver = 'setInterval(() => {}, 1000)';

/** A job that was made, and not submitted: its process died between the two. */
async function make(): Promise<JobRecord> {
  const job = newJob(api.world, api.caller(), { kind: 'evaluate', request: { kind: 'evaluate' } });
  await commit(api.world, api.caller(), { action: 'job.create', resource: `jobs/${job.id}` }, jobWrites(job));
  return job;
}

async function begin(): Promise<JobRecord> {
  const job = await make();
  await startRun(api.world, job);
  return job;
}

const now = async ({ id }: JobRecord): Promise<JobRecord> => (await getJobRecord(api.world.table, 'blue', id)).value;
const claim = (job: JobRecord) => changeJobRecord(api.world, api.caller(), job.id, { type: 'claim', runId: job.runId });
const runState = async ({ runId }: JobRecord): Promise<string | undefined> =>
  (await api.world.runner.describe(runId))?.state;

async function eventually(check: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + 20_000;
  while (!(await check())) {
    if (Date.now() > until) throw new Error('it does not come about');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Looks again and again, as the server does. */
const sweptUntil = (check: () => Promise<boolean>): Promise<void> =>
  eventually(async () => {
    await sweep(api.world);
    return check();
  });

test('a submission that was lost is made up for, once', async () => {
  script = forEver;
  const job = await make();
  expect(await runState(job)).toBeUndefined();
  await Promise.all([sweep(api.world), sweep(api.world)]);
  await eventually(async () => (await runState(job)) === 'running');
  expect(await api.world.runner.list()).toHaveLength(1);
});

test('a container that is far beyond its allowance loses its job, not a moment sooner, and no more is charged than was allowed', async () => {
  script = forEver;
  const allowance = { maxMilliseconds: 60_000, microDollarsPerHour: 0, chargedMilliseconds: 0 };
  const asked = { kind: 'evaluate', request: { kind: 'evaluate' }, allowance } as const;
  const job = await submitJob(api.world, api.caller(), asked);
  await eventually(async () => (await runState(job)) === 'running');
  const { fence } = await claim(job);
  api.pass(1000 * (60 + limits.jobOverdueSeconds - 5));
  await writeHeartbeat(api.world, fence, null);
  await sweep(api.world);
  expect(await now(job)).toMatchObject({ state: 'running' });
  api.pass(6000);
  await sweep(api.world);
  expect(await now(job)).toMatchObject({
    state: 'queued',
    reason: expect.stringContaining('It took longer than its allowance'),
    allowance: { chargedMilliseconds: 60_000 },
  });
});

test('a container that dies again and again before it claims its job ends it with the reason', async () => {
  script = 'process.exit(7)';
  const job = await begin();
  await sweptUntil(async () => (await now(job)).state === 'failed');
  expect(await now(job)).toMatchObject({
    deaths: limits.jobDeathsMax,
    attempt: limits.jobDeathsMax,
    reason: 'Its container died 3 times, the last time: It ended with exit code 7.',
  });
});

test('a container that claimed its job and is gone is followed by another, which holds it', async () => {
  script = 'process.kill(process.pid, "SIGKILL")';
  const job = await begin();
  const { fence } = await claim(job);
  await eventually(async () => (await runState(job)) === 'lost');
  script = forEver;
  await Promise.all([sweep(api.world), sweep(api.world), sweep(api.world)]);
  const after = await now(job);
  expect(after).toMatchObject({ state: 'queued', deaths: 1, attempt: 2 });
  expect(after.reason).toMatch(/SIGKILL/);
  await expect(writeHeartbeat(api.world, fence, null)).rejects.toThrow(/no longer holds/);
  await eventually(async () => (await runState(after)) === 'running');
});

test('a container that asks to be tried again is, after a while; one that refuses its job ends it', async () => {
  script = 'process.exit(75)';
  const job = await begin();
  await sweptUntil(async () => (await now(job)).stops === 1);
  const stopped = await now(job);
  expect(stopped).toMatchObject({ state: 'queued', deaths: 0 });
  expect(stopped.retryAt).not.toBeNull();
  await sweep(api.world);
  expect(await runState(stopped)).toBeUndefined();
  script = 'process.exit(2)';
  api.pass(2000);
  await sweptUntil(async () => (await now(job)).state === 'failed');
});

test('the end of a container that says it is done, and did not say so to its job, counts as a death', async () => {
  script = '';
  const job = await begin();
  await claim(job);
  await sweptUntil(async () => (await now(job)).deaths > 0);
});

test('a container that hangs is given up after a long silence that is seen twice', async () => {
  script = forEver;
  const job = await begin();
  await eventually(async () => (await runState(job)) === 'running');
  const { fence } = await claim(job);
  await writeHeartbeat(api.world, fence, null);
  api.pass(1000 * (limits.jobSilentSeconds + 1));
  await sweep(api.world);
  expect((await now(job)).state).toBe('running');
  // a machine that slept wakes: who lives speaks, and is left alone
  await writeHeartbeat(api.world, fence, null);
  api.pass(1000 * (limits.jobSilentTwiceSeconds + 1));
  await sweep(api.world);
  expect((await now(job)).state).toBe('running');
  api.pass(1000 * limits.jobSilentSeconds);
  await sweep(api.world);
  api.pass(1000 * (limits.jobSilentTwiceSeconds + 1));
  await sweep(api.world);
  expect(await now(job)).toMatchObject({ state: 'queued', deaths: 1 });
  await eventually(async () => (await runState(job)) === 'lost');
});

test('a container that never claims its job is given up, too', async () => {
  script = forEver;
  const job = await begin();
  await eventually(async () => (await runState(job)) === 'running');
  await sweep(api.world);
  api.pass(1000 * (limits.jobSilentSeconds + 1));
  await sweep(api.world);
  expect((await now(job)).deaths).toBe(1);
});

test('a wish to cancel that did not reach the runner does, and the job ends with its container', async () => {
  script = forEver;
  const job = await begin();
  await eventually(async () => (await runState(job)) === 'running');
  await claim(job);
  await changeJobRecord(api.world, api.caller(), job.id, { type: 'cancel' });
  await sweptUntil(async () => (await now(job)).state === 'cancelled');
});

test('runs that nobody waits for are ended, also those of a job that has ended for a while', async () => {
  script = forEver;
  await api.world.runner.submit({ runId: 'run_orphan', jobId: 'job_gone', team: 'blue' });
  await sweptUntil(async () => (await api.world.runner.list()).length === 0);
  const job = await begin();
  await eventually(async () => (await runState(job)) === 'running');
  const { fence } = await claim(job);
  await changeJobRecord(api.world, api.caller(), job.id, { type: 'succeed' }, { fence });
  await sweep(api.world);
  expect(await api.world.runner.list()).toHaveLength(1);
  api.pass(1000 * (limits.jobLeaveSeconds + 1));
  await sweptUntil(async () => (await api.world.runner.list()).length === 0);
});

test('work folders of ended jobs go, those of others stay', async () => {
  script = forEver;
  const work = join(api.folder, 'work');
  const [ended, running] = [await make(), await make()];
  await changeJobRecord(api.world, api.caller(), ended.id, { type: 'cancel' });
  for (const id of [ended.id, running.id, 'job_gone']) await mkdir(join(work, 'blue', id, '1'), { recursive: true });
  api.pass(1000 * (limits.jobLeaveSeconds + 1));
  await sweep(api.world, { work });
  expect(await readdir(join(work, 'blue'))).toEqual([running.id]);
});

test('one job that cannot be looked after does not keep the others waiting', async () => {
  script = forEver;
  const [broken, sound] = [await make(), await make()];
  const logged: string[] = [];
  const describe = async (runId: string): ReturnType<typeof api.world.runner.describe> => {
    if (runId === broken.runId) throw new Error('this one is broken');
    return api.world.runner.describe(runId);
  };
  const world = { ...api.world, runner: changed(api.world.runner, { describe }) };
  await sweep(world, { log: (message) => void logged.push(message) });
  expect(logged).toEqual([`the job ${broken.id} could not be looked after`]);
  await eventually(async () => (await runState(sound)) === 'running');
});

test('where nobody sweeps, a dead container leaves its job as it is: that is what the sweep is for', async () => {
  script = 'process.kill(process.pid, "SIGKILL")';
  const job = await begin();
  await claim(job);
  await eventually(async () => (await runState(job)) === 'lost');
  expect((await now(job)).state).toBe('running');
});
