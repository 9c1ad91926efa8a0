import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openDatabase, type LocalDatabase } from './database.ts';
import { ProcessRunner } from './process-runner.ts';
import { runSchema, RunQueue } from './run-queue.ts';

let folder: string;
let database: LocalDatabase;
const log = vi.fn<(message: string, error: unknown) => void>();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-runner-'));
  database = openDatabase(join(folder, 'runs.sqlite'), runSchema, 'process-death');
  log.mockClear();
});
afterEach(async () => {
  database.close();
  await rm(folder, { recursive: true, force: true });
});

/** A runner whose only run ends after its folder has gone. */
async function loseFolder(meanwhile: (runner: ProcessRunner) => void): Promise<ProcessRunner> {
  const runs = join(folder, 'runs');
  const runner = new ProcessRunner({
    folder: runs,
    queue: new RunQueue(database),
    commandOf: () => ({ command: process.execPath, args: ['-e', 'setTimeout(() => {}, 300)'], env: {} }),
    slots: 1,
    graceSeconds: 1,
    onChange() {},
    log,
  });
  runner.work();
  await runner.submit({ runId: 'run_1', jobId: 'job_1', team: 'blue', needs: undefined });
  meanwhile(runner);
  await rm(runs, { recursive: true });
  await delay(1000); // the watcher ends meanwhile: what is thrown then is thrown by nobody's call
  return runner;
}

test('a runner that rests does nothing about a watcher that ends', async () => {
  await loseFolder((runner) => runner.rest());
  expect(log).not.toHaveBeenCalled();
});

test('a runner at work says what it could not note of a run, and goes on', async () => {
  const runner = await loseFolder(() => undefined);
  runner.rest();
  expect(log.mock.calls.map(([message]) => message)).toContain('what became of run run_1 could not be noted');
});
