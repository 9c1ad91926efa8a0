import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLocalWorld, type LocalWorld } from '../../shared/local/local-world.ts';
import { openDatabase } from '../../shared/local/database.ts';
import { processIdentity } from '../../shared/local/process-identity.mjs';
import { watcherPath } from '../../shared/local/process-runner.ts';
import { traceRun } from '../../shared/local/run-files.ts';
import { RunQueue, runSchema } from '../../shared/local/run-queue.ts';
import type { PlatformEvent } from '../../shared/platform/ports.ts';
import { kill, messageOf, startChild } from './child.ts';
import { seededRandom } from './faults.ts';
import { commandOf, endRuns } from './open-local.ts';
import { endOf, reaches } from './runner-cases.ts';
import { eventually, failureOf } from './suite.ts';

const patience = { patienceSeconds: 15 };

let folder = '';
let world: LocalWorld | undefined;
let events: PlatformEvent[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-restarts-'));
  events = [];
});
afterEach(async () => {
  if (world) {
    await endRuns(world.runner);
    await world.close();
  }
  world = undefined;
  await rm(folder, { recursive: true, force: true });
});

test('a second server on one folder is refused, and takes over when the first was killed', async () => {
  const first = await startServer();
  expect(await failureOf(open())).toMatchObject({ code: 'folder-in-use' });
  await kill(first);
  world = await open();
  expect(await failureOf(open())).toMatchObject({ code: 'folder-in-use' });
});

test('a run goes on when its server is killed; the next one finds it, hears of its end and can cancel it', async () => {
  const first = await startServer(3);
  await submit(first, 'cancelled', 'wait');
  await submit(first, 'killed', 'nested');
  await submit(first, 'ended', 'wait');
  await printed('cancelled', 'ready');
  await printed('ended', 'ready');
  await printed('killed', 'nested');
  await kill(first);
  process.kill(Number(/started (\d+)/.exec(logOf('ended'))?.[1]), 'SIGTERM');

  world = await open();
  const all = { ...patience, runner: world.runner };
  expect(await endOf(all, 'ended')).toMatchObject({ state: 'ended', exitCode: 75 });
  expect(await world.runner.describe('cancelled')).toMatchObject({ state: 'running' });
  await world.runner.cancel('cancelled');
  expect(await endOf(all, 'cancelled')).toMatchObject({ state: 'ended', exitCode: 75 });

  const nested = Number(/nested (\d+)/.exec(logOf('killed'))?.[1]);
  expect(processIdentity(nested)).toBeDefined();
  const watcher = JSON.parse(await readFile(join(folder, 'runs', 'killed', 'started.json'), 'utf8')) as { pid: number };
  process.kill(watcher.pid, 'SIGKILL');
  expect(await endOf(all, 'killed')).toMatchObject({ state: 'lost' });
  expect(
    await eventually(
      patience,
      async () => processIdentity(nested),
      (identity) => !identity,
    ),
  ).toBeUndefined();

  for (const runId of ['ended', 'cancelled', 'killed']) {
    const told = await eventually(
      patience,
      async () => events.filter((event) => event.type === 'run-changed' && event.runId === runId),
      (seen) => seen.length > 0,
    );
    expect(told).toEqual([{ type: 'run-changed', team: 'a', jobId: expect.any(String) as string, runId }]);
    expect(logOf(runId).split('started').length - 1).toBe(1);
  }
});

test('runs start in the order of submission', async () => {
  world = await open();
  const runIds = ['c', 'a', 'd', 'b', 'e'];
  for (const runId of runIds) await world.runner.submit({ runId, jobId: 'wait', team: 'a' });
  for (const [at, runId] of runIds.entries()) {
    await printed(runId, 'ready');
    const open = await world.runner.list();
    expect(open.map((run) => run.runId)).toEqual(runIds.slice(at));
    expect(open.map(({ state }) => state)).toEqual(open.map((_, place) => (place < 2 ? 'running' : 'waiting')));
    await world.runner.cancel(runId);
    await endOf({ ...patience, runner: world.runner }, runId);
    await eventually(patience, world.runner.list.bind(world.runner), (runs) =>
      runs.slice(0, 2).every(({ state }) => state === 'running'),
    );
  }
});

test('servers killed again and again start every run once', async () => {
  const random = seededRandom(11);
  const runIds: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    const server = await startServer(2);
    for (let at = 0; at < 4; at += 1) {
      const runId = `run-${round}-${at}`;
      await submit(server, runId, 'exit-0');
      runIds.push(runId);
      await new Promise((resolve) => setTimeout(resolve, random() * 40));
    }
    await kill(server);
  }
  world = await open();
  for (const runId of runIds) {
    expect(await endOf({ ...patience, runner: world.runner }, runId)).toMatchObject({ state: 'ended', exitCode: 0 });
    expect(logOf(runId).split('started').length - 1).toBe(1);
  }
});

test('a job process may use the folder beside the server, and its runs are started by the server', async () => {
  world = await open();
  const job = await open('job');
  await job.runner.submit({ runId: 'from-job', jobId: 'exit-0', team: 'a' });
  expect(await endOf({ ...patience, runner: job.runner }, 'from-job')).toMatchObject({ exitCode: 0 });
  await job.runner.submit({ runId: 'waits', jobId: 'wait', team: 'a' });
  await reaches({ ...patience, runner: job.runner }, 'waits', 'running');
  await printed('waits', 'ready');
  await job.runner.cancel('waits');
  expect(await endOf({ ...patience, runner: job.runner }, 'waits')).toMatchObject({ exitCode: 75 });
  await job.close();
});

test('a process that was given the id of a dead watcher is not taken for it, and not touched', async () => {
  const first = await startServer();
  await submit(first, 'run', 'wait');
  await printed('run', 'ready');
  await kill(first);
  const path = join(folder, 'runs', 'run', 'started.json');
  const watcher = JSON.parse(readFileSync(path, 'utf8')) as { pid: number };
  process.kill(-watcher.pid, 'SIGKILL');
  const stranger = startChild('server.ts', [join(folder, 'elsewhere')]);
  await messageOf(stranger);
  await writeFile(path, JSON.stringify({ ...watcher, pid: stranger.pid }));

  world = await open();
  expect(await endOf({ ...patience, runner: world.runner }, 'run')).toMatchObject({ state: 'lost' });
  expect(processIdentity(stranger.pid ?? 0)).toBeDefined();
  await kill(stranger);
});

test('a run noted as started by a server that died before it started is started, once', async () => {
  const database = openDatabase(join(folder, 'lorary.sqlite'), runSchema, 'process-death');
  const queue = new RunQueue(database);
  queue.add({ runId: 'noted', jobId: 'exit-0', team: 'a' });
  expect(queue.start('noted')).toBe(true);
  expect(queue.start('noted')).toBe(false);
  database.close();
  world = await open();
  expect(await endOf({ ...patience, runner: world.runner }, 'noted')).toMatchObject({ state: 'ended', exitCode: 0 });
  expect(logOf('noted').split('started').length - 1).toBe(1);
});

test('of several watchers of one run, one starts it', async () => {
  const run = join(folder, 'contested');
  await mkdir(run);
  const marks = join(folder, 'marks');
  const script = `require('node:fs').appendFileSync(${JSON.stringify(marks)}, 'x')`;
  const watchers = Array.from({ length: 5 }, () =>
    spawn(process.execPath, [watcherPath, run, process.execPath, '-e', script], { detached: true, stdio: 'ignore' }),
  );
  await Promise.all(watchers.map((watcher) => new Promise((resolve) => watcher.once('exit', resolve))));
  expect(readFileSync(marks, 'utf8')).toBe('x');
  expect(traceRun(run)).toEqual({ kind: 'ended', end: { exitCode: 0 } });
});

test('what a run of before the machine was started anew has left is nobody’s process', async () => {
  const run = join(folder, 'earlier');
  await mkdir(run);
  const own = processIdentity(process.pid) ?? '';
  const earlier = process.platform === 'linux' ? own.replace(/^\S+/, 'another-boot') : 'Thu Jan 1 00:00:00 1970';
  // no process has this id, but a group may
  await writeFile(join(run, 'started.json'), JSON.stringify({ pid: 2 ** 22 + 1, identity: earlier }));
  expect(traceRun(run)).toEqual({ kind: 'gone' });
  await writeFile(join(run, 'started.json'), JSON.stringify({ pid: 2 ** 22 + 1, identity: own }));
  expect(traceRun(run)).toEqual({ kind: 'gone', group: 2 ** 22 + 1 });
});

test('a command that cannot be started is lost, and a run that is described badly too', async () => {
  world = await open('server', ({ jobId }) => {
    if (jobId === 'unknown') throw new Error('there is no such job');
    return { command: join(folder, 'missing'), args: [], env: {} };
  });
  await mkdir(join(folder, 'runs'), { recursive: true });
  await world.runner.submit({ runId: 'missing', jobId: 'x', team: 'a' });
  await world.runner.submit({ runId: 'unknown', jobId: 'unknown', team: 'a' });
  const all = { ...patience, runner: world.runner };
  expect(await endOf(all, 'missing')).toMatchObject({
    state: 'lost',
    reason: expect.stringContaining('ENOENT') as string,
  });
  expect(await endOf(all, 'unknown')).toMatchObject({
    state: 'lost',
    reason: expect.stringContaining('no such job') as string,
  });
});

async function startServer(slots = 1): Promise<ChildProcess> {
  const server = startChild('server.ts', [folder, String(slots)]);
  await messageOf(server);
  return server;
}

async function submit(server: ChildProcess, runId: string, jobId: string): Promise<void> {
  const answer = messageOf(server);
  server.send({ runId, jobId, team: 'a' });
  await answer;
}

async function open(role: 'server' | 'job' = 'server', command = commandOf): Promise<LocalWorld> {
  const opened = await openLocalWorld({
    folder,
    baseUrl: 'http://127.0.0.1:1',
    role,
    commandOf: command,
    slots: 2,
    graceSeconds: 1,
    durability: 'process-death',
  });
  opened.events.subscribe(async (event) => void events.push(event));
  return opened;
}

/** Waits until a run has printed a word. */
async function printed(runId: string, word: string): Promise<void> {
  const log = await eventually(
    patience,
    async () => logOf(runId),
    (seen) => seen.includes(word),
  );
  expect(log).toContain(word);
}

/** What a run has printed so far. */
function logOf(runId: string): string {
  try {
    return readFileSync(join(folder, 'runs', runId, 'output.log'), 'utf8');
  } catch {
    return '';
  }
}
