import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLocalWorld, type LocalWorld } from '../local/local-world.ts';
import type { Caller } from './caller.ts';
import { changeJobRecord } from './change-job-record.ts';
import { FencedOutError } from './job-fence.ts';
import { findHeartbeat, writeHeartbeat } from './job-heartbeat.ts';
import { appendToStream, chunksBackwards, readStream } from './job-stream.ts';
import { getJobRecord, presentJob, type JobRecord } from './jobs.ts';
import { submitJob } from './submit-job.ts';
import { limits } from '../limits.ts';

let folder = '';
let world: LocalWorld;
const caller: Caller = { team: 'one', keyId: 'key', scopes: ['jobs:run'], requestId: 'req_1' };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-job-records-'));
  world = await openLocalWorld({ folder, baseUrl: 'http://127.0.0.1:1', role: 'job', durability: 'process-death' });
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true });
});

const submit = (): Promise<JobRecord> => submitJob(world, caller, { kind: 'evaluate', request: { kind: 'evaluate' } });
const claim = (job: JobRecord): ReturnType<typeof changeJobRecord> =>
  changeJobRecord(world, caller, job.id, { type: 'claim', runId: job.runId });

test('a container that lost its job can neither write, nor say that it lives, nor end it', async () => {
  const job = await submit();
  const { fence } = await claim(job);
  await appendToStream(world, fence, 1, [{ type: 'log', text: 'here' }]);
  await changeJobRecord(world, caller, job.id, { type: 'die', reason: 'It was silent.' }, { ifRun: job.runId });
  await expect(appendToStream(world, fence, 1, [{ type: 'log', text: 'still here' }])).rejects.toThrow(FencedOutError);
  await expect(writeHeartbeat(world, fence, null)).rejects.toThrow(FencedOutError);
  await expect(changeJobRecord(world, caller, job.id, { type: 'succeed' }, { fence })).rejects.toThrow();
  const { value } = await getJobRecord(world.table, 'one', job.id);
  expect(value).toMatchObject({ state: 'queued', attempt: 2, deaths: 1 });
  expect(value.runId).not.toBe(job.runId);
});

test('of two claims of one run the second holds the job', async () => {
  const job = await submit();
  const first = await claim(job);
  const second = await claim(job);
  await expect(writeHeartbeat(world, first.fence, null)).rejects.toThrow(FencedOutError);
  await writeHeartbeat(world, second.fence, null);
  expect(await findHeartbeat(world.table, 'one', job.id)).toMatchObject({ epoch: second.fence.epoch });
});

test('what was decided on one run does not end the next', async () => {
  const job = await submit();
  const die = (): Promise<unknown> =>
    changeJobRecord(world, caller, job.id, { type: 'die', reason: 'It is gone.' }, { ifRun: job.runId });
  await die();
  await expect(die()).rejects.toMatchObject({ code: 'other-run' });
  expect((await getJobRecord(world.table, 'one', job.id)).value.deaths).toBe(1);
});

test('a container that was asked to end keeps its job until it has saved its work', async () => {
  const job = await submit();
  const { fence } = await claim(job);
  await changeJobRecord(world, caller, job.id, { type: 'cancel' });
  await changeJobRecord(world, caller, job.id, { type: 'cancel' });
  await appendToStream(world, fence, 1, [{ type: 'log', text: 'saved' }]);
  const { value } = await changeJobRecord(world, caller, job.id, { type: 'stop', reason: 'Saved.' }, { fence });
  expect(presentJob(value, undefined)).toMatchObject({ state: 'cancelled', resumable: true });
  expect(value.endedAt).not.toBeNull();
});

test('many writers make one stream without gaps, and any part of it can be read again', async () => {
  const job = await submit();
  const { fence } = await claim(job);
  const say = (text: string): Promise<void> => appendToStream(world, fence, 1, [{ type: 'log', text }]);
  await Promise.all(Array.from({ length: 12 }, (_, i) => say(`line ${i}`)));
  const long = 'x'.repeat(limits.jobTextCharsMax + 1);
  await appendToStream(
    world,
    fence,
    1,
    Array.from({ length: 20 }, () => ({ type: 'log' as const, text: long })),
  );
  const all = await readStream(world.table, 'one', job.id, { after: 0, count: Infinity });
  expect(all.map(({ id }) => id)).toEqual(Array.from({ length: 2 + 12 + 20 }, (_, i) => i + 1));
  expect(all.slice(0, 2).map(({ event }) => event)).toMatchObject([{ state: 'queued' }, { state: 'running' }]);
  expect(all.at(-1)?.event).toEqual({ type: 'log', text: `${'x'.repeat(limits.jobTextCharsMax)}...` });
  for (const after of [1, 13, 14, 17, 33, 34, 99]) {
    const rest = await readStream(world.table, 'one', job.id, { after, count: Infinity });
    expect(rest).toEqual(all.filter(({ id }) => id > after));
  }
  const chunks = [];
  for await (const chunk of chunksBackwards(world.table, 'one', job.id)) chunks.unshift(chunk);
  expect(chunks.flat()).toEqual(all);
  for (const chunk of chunks) expect(JSON.stringify(chunk).length).toBeLessThan(2 * limits.jobChunkBytes);
});

test('only the first of the same calls makes a job', async () => {
  const idempotency = { keyHash: 'a', operationId: 'createJob', requestHash: 'b' };
  const job = { kind: 'evaluate', request: {} } as const;
  const made = await submitJob(world, { ...caller, idempotency }, job);
  await expect(submitJob(world, { ...caller, idempotency }, job)).rejects.toMatchObject({ created: made.id });
});

test('what a job takes of machines is counted over all of its containers, and what nobody had counts nothing', async () => {
  const job = await submit();
  const change = (atSeconds: number, ...[step, options]: [Parameters<typeof changeJobRecord>[3], object?]) => {
    const now = () => Date.parse(job.createdAt) + 1000 * atSeconds;
    return changeJobRecord({ ...world, now }, caller, job.id, step, options);
  };
  const first = await change(100, { type: 'claim', runId: job.runId }, { also: { machineClass: 'gpu-16' } });
  expect(first.value).toMatchObject({ machineSeconds: 0, machineClass: 'gpu-16' });
  const lost = await change(130, { type: 'die', reason: 'It is gone.' });
  expect(lost.value).toMatchObject({ state: 'queued', machineSeconds: 30 });
  const second = await change(500, { type: 'claim', runId: lost.value.runId }, { also: { machineClass: null } });
  await change(510, { type: 'cancel' });
  const ended = await change(512.5, { type: 'stop', reason: 'It has saved.' }, { fence: second.fence });
  expect(presentJob(ended.value, undefined)).toMatchObject({
    state: 'cancelled',
    attempt: 2,
    usage: { machineSeconds: 42.5, machineClass: null },
  });
  const untouched = await submit();
  const cancelled = await changeJobRecord(world, caller, untouched.id, { type: 'cancel' });
  expect(cancelled.value).toMatchObject({ state: 'cancelled', machineSeconds: 0 });
});
