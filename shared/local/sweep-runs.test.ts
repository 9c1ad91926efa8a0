import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { limits } from '../limits.ts';
import { openDatabase, type LocalDatabase } from './database.ts';
import { RunQueue, runSchema } from './run-queue.ts';
import { sweepRuns } from './sweep-runs.ts';

let folder = '';
let database: LocalDatabase;
let queue: RunQueue;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-runs-'));
  database = openDatabase(join(folder, 'test.sqlite'), runSchema, 'process-death');
  queue = new RunQueue(database);
});
afterEach(async () => {
  database.close();
  await rm(folder, { recursive: true, force: true });
});

const runs = (): string => join(folder, 'runs');

async function addRun(runId: string, ended: boolean): Promise<void> {
  queue.add({ runId, jobId: 'job', team: 'a' });
  queue.start(runId);
  await mkdir(join(runs(), runId), { recursive: true });
  await writeFile(join(runs(), runId, 'output.log'), 'hello');
  if (ended) queue.end(runId, { exitCode: 0 });
}

test('a run that is over keeps what it printed for its time and is then forgotten; one that runs never is', async () => {
  const keptMilliseconds = limits.jobTracesKeptSeconds * 1000;
  await addRun('over', true);
  await addRun('running', false);
  queue.add({ runId: 'waiting', jobId: 'job', team: 'a' });
  await sweepRuns(runs(), queue, 1000);
  await sweepRuns(runs(), queue, 1000 + keptMilliseconds);
  expect((await readdir(runs())).toSorted()).toEqual(['over', 'running']);
  expect(queue.find('over')).toMatchObject({ state: 'ended', exitCode: 0 });
  await sweepRuns(runs(), queue, 1001 + keptMilliseconds);
  expect(await readdir(runs())).toEqual(['running']);
  expect(queue.find('over')).toBeUndefined();
  expect(queue.open().map(({ runId }) => runId)).toEqual(['running', 'waiting']);
});

test('one that has run on has its time from when it was over, and one without a folder is forgotten, too', async () => {
  const keptMilliseconds = limits.jobTracesKeptSeconds * 1000;
  await addRun('long', false);
  queue.add({ runId: 'cancelled', jobId: 'job', team: 'a' });
  queue.cancelWaiting('cancelled', 'it was cancelled');
  await sweepRuns(runs(), queue, 0);
  queue.end('long', { reason: 'it was killed' });
  await sweepRuns(runs(), queue, keptMilliseconds + 1);
  expect(queue.find('cancelled')).toBeUndefined();
  expect(queue.find('long')?.state).toBe('lost');
  await sweepRuns(runs(), queue, 2 * keptMilliseconds + 2);
  expect(queue.find('long')).toBeUndefined();
  expect(await readdir(runs())).toEqual([]);
});
