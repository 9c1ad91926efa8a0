import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { BatchClient } from '@aws-sdk/client-batch';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  atOnce,
  json,
  jsonError,
  scriptedClient,
  scriptedHttp,
  type ScriptedAnswer,
} from '../../test/support/scripted-http.ts';
import { limits } from '../limits.ts';
import { openLocalWorld, type LocalWorld } from '../local/local-world.ts';
import { BatchRunner } from './batch-runner.ts';
import { cancelReason } from './batch-jobs.ts';
import { runKey } from './run-records.ts';

let folder = '';
let world: LocalWorld;
let now = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-batch-runner-'));
  now = Date.now();
  world = await openLocalWorld({
    folder,
    baseUrl: 'http://127.0.0.1:1',
    role: 'job',
    durability: 'process-death',
    now: () => now,
  });
});
afterEach(async () => {
  await world.close();
  await rm(folder, { recursive: true });
});

const run = { runId: 'run_1', jobId: 'job_1', team: 'blue-team' };
const classes = [
  { queue: 'cpu', jobDefinition: 'cpu-job' },
  { queue: 'gpu-24', jobDefinition: 'gpu-job', gpuMemoryBytes: 24e9 },
];

/** A Batch that answers each operation as it is told. */
function open(answers: Readonly<Record<string, (body: Record<string, unknown>) => ScriptedAnswer>>) {
  const http = scriptedHttp(
    ({ path, body }) => answers[path.slice('/v1/'.length)]?.(JSON.parse(body) as never) ?? json({}),
  );
  const client = new BatchClient(scriptedClient(http));
  const runner = new BatchRunner({ client, table: world.table, classes, now: () => now, randomBytes, pace: atOnce });
  const calls = (operation: string) => http.sent.filter(({ path }) => path.endsWith(operation));
  return { runner, calls };
}

const submitted = { submitjob: () => json({ jobId: 'b-1', jobName: 'run_1' }) };
const told = (detail: object) => ({ ...submitted, describejobs: () => json({ jobs: [{ jobId: 'b-1', ...detail }] }) });

test('only ids are submitted, to the queue that the needs lead to, to be tried once', async () => {
  const { runner, calls } = open(submitted);
  await runner.submit({ ...run, needs: { accelerator: true, memoryBytes: 20e9 } });
  const [sent] = calls('submitjob').map(({ body }) => JSON.parse(body) as { shareIdentifier: string });
  expect(sent).toEqual({
    jobName: 'run_1',
    jobQueue: 'gpu-24',
    jobDefinition: 'gpu-job',
    parameters: { job: 'job_1', team: 'blue-team', run: 'run_1' },
    retryStrategy: { attempts: 1 },
    shareIdentifier: expect.stringMatching(/^blueteam[0-9a-f]{8}$/) as string,
    tags: { 'lorary:team': 'blue-team' },
    propagateTags: true,
  });
});

test('what was submitted is not submitted again', async () => {
  const { runner, calls } = open(told({ status: 'RUNNABLE' }));
  await Promise.all([runner.submit(run), runner.submit(run)]);
  now += limits.runSubmitSeconds * 1000;
  await runner.submit(run);
  expect(calls('submitjob')).toHaveLength(1);
});

test('a submission whose answer is lost is found by its name when it is repeated', async () => {
  const lost = open({ submitjob: () => jsonError('ServerException', {}, 500) });
  await expect(lost.runner.submit(run)).rejects.toMatchObject({ name: 'UnavailableError' });
  expect(lost.calls('submitjob')).toHaveLength(1);
  const again = open({
    listjobs: () => json({ jobSummaryList: [{ jobId: 'b-9', jobName: 'run_1' }] }),
    describejobs: () => json({ jobs: [{ jobId: 'b-9', status: 'RUNNING' }] }),
  });
  await again.runner.submit(run);
  expect(again.calls('submitjob')).toHaveLength(0);
  expect(await again.runner.describe('run_1')).toEqual({ ...run, state: 'running' });
});

test('a job that was taken though the answer said otherwise is found by its name, and can be ended', async () => {
  const lost = open({ submitjob: () => jsonError('ServerException', {}, 500) });
  await expect(lost.runner.submit(run)).rejects.toMatchObject({ name: 'UnavailableError' });
  const named = () => json({ jobSummaryList: [{ jobId: 'b-9', jobName: 'run_1' }] });
  const found = open({ listjobs: named });
  await found.runner.cancel('run_1');
  expect(found.calls('terminatejob').map(({ body }) => JSON.parse(body) as object)).toEqual([
    { jobId: 'b-9', reason: cancelReason },
  ]);
  const ended = open({ describejobs: () => json({ jobs: [{ jobId: 'b-9', status: 'SUCCEEDED' }] }) });
  expect(await ended.runner.describe('run_1')).toEqual({ ...run, state: 'ended', exitCode: 0 });
  expect(ended.calls('listjobs')).toHaveLength(0);
});

test('a run that was never taken and is cancelled has ended, and Batch is not asked for it again', async () => {
  const lost = open({ submitjob: () => jsonError('ServerException', {}, 500) });
  await expect(lost.runner.submit(run)).rejects.toMatchObject({ name: 'UnavailableError' });
  const none = open({ listjobs: () => json({ jobSummaryList: [] }) });
  await none.runner.cancel('run_1');
  expect(await none.runner.describe('run_1')).toMatchObject({ state: 'ended', reason: expect.any(String) as string });
  expect(await none.runner.list()).toEqual([]);
  expect(none.calls('listjobs')).toHaveLength(1);
});

test('a submission that died before its note counts as unknown after a minute', async () => {
  await world.table.put({
    key: runKey('run_1'),
    value: { run: JSON.stringify({ run, submittedAt: now, cancelled: false }) },
  });
  const { runner, calls } = open(submitted);
  expect(await runner.describe('run_1')).toMatchObject({ state: 'waiting' });
  await runner.submit(run);
  expect(calls('submitjob')).toHaveLength(0);
  now += limits.runSubmitSeconds * 1000;
  expect(await runner.describe('run_1')).toBeUndefined();
  await runner.submit(run);
  expect(calls('submitjob')).toHaveLength(1);
});

test('a run that is cancelled while it is submitted is ended once its job is known', async () => {
  const { runner, calls } = open(submitted);
  const submitting = runner.submit(run);
  await runner.cancel('run_1');
  await submitting;
  expect(calls('terminatejob').map(({ body }) => JSON.parse(body) as object)).toEqual([
    { jobId: 'b-1', reason: cancelReason },
  ]);
});

test('how a run ended is known after Batch has forgotten it', async () => {
  await open(submitted).runner.submit(run);
  const ended = open(told({ status: 'FAILED', container: { exitCode: 75 } }));
  expect(await ended.runner.list()).toEqual([]);
  const forgotten = open({ describejobs: () => json({ jobs: [] }) });
  expect(await forgotten.runner.describe('run_1')).toEqual({ ...run, state: 'ended', exitCode: 75 });
});

test('a job that Batch does not tell of is waited for, and then lost', async () => {
  const { runner } = open({ ...submitted, describejobs: () => json({ jobs: [] }) });
  await runner.submit(run);
  expect(await runner.describe('run_1')).toMatchObject({ state: 'waiting' });
  now += limits.runSubmitSeconds * 1000;
  expect(await runner.describe('run_1')).toMatchObject({ state: 'lost', reason: expect.any(String) as string });
});

test('the end of a job is told apart by its exit code, its signal and its host', async () => {
  const ends: readonly (readonly [object, object])[] = [
    [
      { status: 'SUCCEEDED', container: { exitCode: 0 } },
      { state: 'ended', exitCode: 0 },
    ],
    [
      { status: 'FAILED', container: { exitCode: 2 } },
      { state: 'ended', exitCode: 2 },
    ],
    [
      { status: 'FAILED', container: { exitCode: 137, reason: 'OutOfMemoryError' } },
      { state: 'lost', reason: /SIGKILL.*OutOfMemory/ },
    ],
    [
      { status: 'FAILED', startedAt: 5, statusReason: 'Host EC2 (instance i-0) terminated.' },
      { state: 'lost', reason: /no exit code.*Host EC2/ },
    ],
    [
      { status: 'FAILED', statusReason: 'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT' },
      { state: 'lost', reason: /never started.*MISCONF/ },
    ],
    [
      { status: 'FAILED', statusReason: cancelReason },
      { state: 'ended', reason: /cancelled before it started/ },
    ],
  ];
  for (const [at, [detail, wanted]] of ends.entries()) {
    const { runner } = open(told(detail));
    await runner.submit({ ...run, runId: `run_${at}` });
    const { reason: pattern, ...rest } = wanted as { reason?: RegExp };
    const reason = pattern ? { reason: expect.stringMatching(pattern) as string } : {};
    expect(await runner.describe(`run_${at}`)).toEqual({ ...run, runId: `run_${at}`, ...rest, ...reason });
  }
});
