import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { costMicroDollars } from '../../shared/domain/allowance.ts';
import type { Account } from '../../shared/domain/budget.ts';
import { hasEnded } from '../../shared/domain/job-states.ts';
import { openLocalWorld, type LocalWorld } from '../../shared/local/local-world.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import { findAccount } from '../../shared/records/budgets.ts';
import { changeLimits } from '../../shared/records/change-limits.ts';
import { readJob, type JobRecord } from '../../shared/records/jobs.ts';
import { lists } from '../../shared/records/keys.ts';

// Several processes make and end jobs of one team at once, on one SQLite file; this one looks on.
let folder = '';
let world: LocalWorld;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-budget-'));
  world = await openLocalWorld({ folder, baseUrl: 'http://127.0.0.1:1', role: 'job', durability: 'process-death' });
  const caller = { team: 'blue', keyId: 'owner', scopes: [], requestId: 'req_limits' };
  await changeLimits(world, caller, 'team', { dollars: 0.4, machineHours: 0.2, jobs: 9 });
  await changeLimits(world, caller, 'key-0', { machineHours: 0.12, jobs: 6 });
});
afterEach(async () => {
  await world.close();
  await rm(folder, { recursive: true });
});

interface Contest {
  readonly made: number;
  readonly refused: number;
  /** Accounts that were over a limit at some moment. */
  readonly over: string[];
}

const contestant = fileURLToPath(new URL('../support/budget-contestant.ts', import.meta.url));

async function contest(mode = ''): Promise<Contest> {
  const running = new Set([1, 2, 3]);
  const processes = [...running].map(async (seed) => {
    const child = spawn(process.execPath, ['--import', 'tsx', contestant, folder, String(seed), mode], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => chunks.push(bytes));
    const code = await new Promise((resolve) => child.on('close', resolve));
    running.delete(seed);
    if (code !== 0) throw new Error(`a contestant ended with ${String(code)}`);
    return JSON.parse(Buffer.concat(chunks).toString()) as { made: number; refused: number };
  });
  const over: string[] = [];
  while (running.size > 0) {
    for (const subject of ['team', 'key-0', 'key-1'])
      over.push(...overLimit((await findAccount(world, 'blue', subject)).value).map((what) => `${subject}: ${what}`));
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  const results = await Promise.all(processes);
  return {
    made: results.reduce((sum, { made }) => sum + made, 0),
    refused: results.reduce((sum, { refused }) => sum + refused, 0),
    over,
  };
}

function overLimit({ limits, used, reserved }: Account): string[] {
  const is = (limit: number | null, value: number): boolean => limit !== null && value > limit;
  return [
    ...(is(limits.microDollars, used.microDollars + reserved.microDollars) ? ['dollars'] : []),
    ...(is(limits.milliseconds, used.milliseconds + reserved.milliseconds) ? ['time'] : []),
    ...(is(limits.jobs, reserved.jobs) ? ['jobs'] : []),
    ...(Math.min(reserved.microDollars, reserved.milliseconds, reserved.jobs) < 0 ? ['below nothing'] : []),
  ];
}

/** What the accounts say against what the jobs say. */
async function differences(): Promise<string[]> {
  const jobs: JobRecord[] = [];
  for await (const record of allRecords(world.table, { partition: lists.jobs('blue'), index: 'index1' }))
    jobs.push(readJob(record).value);
  const found: string[] = jobs.filter(({ state }) => !hasEnded(state)).map(({ id, state }) => `${id} is ${state}`);
  for (const subject of ['team', 'key-0', 'key-1']) {
    const own = jobs.filter(({ createdBy }) => subject === 'team' || createdBy === subject);
    const { used, reserved } = (await findAccount(world, 'blue', subject)).value;
    const sum = (of: (job: JobRecord) => number): number => own.reduce((total, job) => total + of(job), 0);
    const charged = sum(({ allowance }) => allowance?.chargedMilliseconds ?? 0);
    const cost = sum(({ allowance }) =>
      allowance ? costMicroDollars(allowance.chargedMilliseconds, allowance.microDollarsPerHour) : 0,
    );
    if (used.milliseconds !== charged) found.push(`${subject}: ${used.milliseconds} ms used, ${charged} charged`);
    if (used.microDollars !== cost) found.push(`${subject}: ${used.microDollars} used, ${cost} charged`);
    if (reserved.jobs + reserved.milliseconds + reserved.microDollars !== 0)
      found.push(`${subject}: ${JSON.stringify(reserved)} is reserved by nobody`);
  }
  return found;
}

test('many who make and end jobs at once never pass a limit, and what they took is what was charged, once', async () => {
  const { made, refused, over } = await contest();
  expect(made).toBeGreaterThan(20);
  expect(refused).toBeGreaterThan(20);
  expect(over).toEqual([]);
  expect(await differences()).toEqual([]);
}, 120_000);

test('an account that is written whatever others wrote meanwhile is found out', async () => {
  await contest('careless');
  expect(await differences()).not.toEqual([]);
}, 120_000);
