import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sweepPurges } from '../../functions/purger/sweep-purges.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createBase, getBase } from '../../shared/contract/bases.ts';
import { getBudget, setBudget } from '../../shared/contract/budgets.ts';
import { cancelJob, createJob, getJob, resumeJob } from '../../shared/contract/jobs.ts';
import { limits } from '../../shared/limits.ts';
import { transactSurely } from '../../shared/records/commit.ts';
import { findHolding } from '../../shared/records/holdings.ts';
import { getJobRecord, jobWrite } from '../../shared/records/jobs.ts';
import { recountStored } from '../../shared/records/recount-stored.ts';
import { openJobsHere, type JobsHere } from '../support/jobs-here.ts';
import type { LocalApi } from '../support/local-api.ts';
import { runHere } from '../support/run-here.ts';
import { writeTinyBase } from '../support/tiny-base.ts';

// What jobs leave in the store, from the call to the day on which it goes.
let models = '';
let api: LocalApi;
let client: ApiClient;
let run: JobsHere['run'];
let importBase: JobsHere['importBase'];
beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), 'lorary-bytes-'));
  await writeTinyBase(join(models, 'tiny'));
  ({ api, client, importBase, run } = await openJobsHere(models));
  // the dataset of these tests
  await recountStored(api.world, 'blue');
  await importBase({ name: 'tiny', source: source() });
});
afterAll(async () => {
  await api.close();
  await rm(models, { recursive: true });
});

const source = () => ({ kind: 'local', path: join(models, 'tiny') }) as const;
const training = (adapter: string) =>
  ({
    kind: 'train',
    base: 'tiny',
    dataset: 'sums',
    steps: 3,
    checkpoint: { everySeconds: 0.001 },
    output: { adapter },
  }) as const;
const team = { params: { subject: 'team' } };
const stored = async (): Promise<readonly [bytes: number, reserved: number]> => {
  const { used, reserved } = await client.call(getBudget, team);
  return [used.storedBytes, reserved.storedBytes];
};
const limit = (storedBytes: number | null) => client.call(setBudget, { ...team, body: { storedBytes } });
const drift = () => recountStored(api.world, 'blue');

test('what each kind of job leaves is counted as the store has it, and nothing stays reserved', async () => {
  expect(await drift()).toEqual([]);
  let before = (await stored())[0];
  expect(before).toBeGreaterThan(10_000);
  for (const body of [
    training('trained'),
    { kind: 'merge', adapter: 'trained', output: { base: 'merged' } },
    { kind: 'export', adapter: 'trained', format: 'peft' },
    { kind: 'evaluate', base: 'tiny', dataset: 'sums' },
  ] as const) {
    const job = await run(body);
    expect(job).toMatchObject({ kind: body.kind, state: 'succeeded' });
    const [bytes, reserved] = await stored();
    expect({ kind: body.kind, more: bytes > before, reserved }).toEqual({
      kind: body.kind,
      more: body.kind !== 'evaluate',
      reserved: 0,
    });
    expect(await drift()).toEqual([]);
    before = bytes;
  }
  api.pass(1000 * limits.jobTracesKeptSeconds);
  await sweepPurges(api.world);
  expect((await stored())[0]).toBeLessThan(before);
  expect(await drift()).toEqual([]);
}, 120_000);

test('a job reserves what it may leave, at the limit and not one byte beyond, also where it goes on', async () => {
  const { estimate } = await client.call(createJob, { query: { dryRun: 'true' }, body: training('reserved') });
  expect(estimate.storedBytes).toBeGreaterThan(1_000_000);
  const [kept] = await stored();
  await limit(kept + estimate.storedBytes - 1);
  await expect(client.call(createJob, { body: training('reserved') })).rejects.toMatchObject({
    status: 402,
    code: 'storage-exceeded',
  });
  expect(await stored()).toEqual([kept, 0]);
  await limit(kept + estimate.storedBytes);
  const { job } = await client.call(createJob, { body: training('reserved') });
  expect(await stored()).toEqual([kept, estimate.storedBytes]);
  const params = { job: job?.id ?? '' };
  await client.call(cancelJob, { params });
  expect(await stored()).toEqual([kept, 0]);
  await limit(kept + estimate.storedBytes - 1);
  await expect(client.call(resumeJob, { params })).rejects.toMatchObject({ code: 'storage-exceeded' });
  await limit(kept + estimate.storedBytes);
  await client.call(resumeJob, { params });
  expect(await stored()).toEqual([kept, estimate.storedBytes]);
  await client.call(cancelJob, { params });
  await limit(null);
});

test('what is more than was reserved is refused with nothing stored, and a checkpoint without room is left out', async () => {
  const { job } = await client.call(createJob, { body: training('larger') });
  const found = await getJobRecord(api.world.table, 'blue', job?.id ?? '');
  const { id, makes } = found.value;
  // as if the estimate had been far too low
  await transactSurely(api.world, [jobWrite({ ...found.value, leaves: null }, found.revision)]);
  for (const of of [id, makes.versionId ?? '']) {
    const { value, revision } = (await findHolding(api.world.table, 'blue', of)) ?? {};
    await api.world.table.put(
      { key: { partition: 'blue#stored', sort: of }, value: { ...value, reserved: 0 } },
      { ifRevision: revision ?? 0 },
    );
  }
  await drift();
  const [kept] = await stored();
  await limit(kept);
  await expect(runHere(api, id)).rejects.toMatchObject({ code: 'storage-exceeded' });
  const failed = await client.call(getJob, { params: { job: id } });
  expect(failed).toMatchObject({ state: 'failed', findings: [{ code: 'storage-exceeded' }], resumable: true });
  expect(await stored()).toEqual([kept, 0]);
  expect(await drift()).toEqual([]);
  await limit(null);
  await client.call(resumeJob, { params: { job: id } });
  await runHere(api, id);
  expect(await client.call(getJob, { params: { job: id } })).toMatchObject({ state: 'succeeded' });
  expect(await drift()).toEqual([]);
}, 60_000);

test('a base that has no room fails with what is wanted and leaves nothing', async () => {
  const [kept] = await stored();
  await limit(kept + 1000);
  const { base } = await client.call(createBase, { body: { name: 'full', source: source() } });
  await expect(runHere(api, base.importJobId ?? '')).rejects.toMatchObject({ code: 'storage-exceeded' });
  expect(await client.call(getBase, { params: { base: 'full' } })).toMatchObject({
    state: 'failed',
    findings: [{ code: 'storage-exceeded', message: expect.stringContaining('1000 free') }],
  });
  expect(await stored()).toEqual([kept, 0]);
  expect(await drift()).toEqual([]);
  await limit(null);
});
