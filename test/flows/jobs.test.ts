import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createJob, getJob, listMetrics } from '../../shared/contract/jobs.ts';
import { getVersion } from '../../shared/contract/versions.ts';
import { openJobPlatform, type JobPlatform } from '../support/job-platform.ts';
import { storeBase, storeDataset } from '../support/stored-things.ts';
import { writeTinyBase } from '../support/tiny-base.ts';

let folder = '';
let platform: JobPlatform;
let client: ApiClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-jobs-'));
  platform = await openJobPlatform();
  client = await platform.client();
  await writeTinyBase(join(folder, 'tiny'));
  await storeBase(platform.world, platform.caller(), 'tiny', join(folder, 'tiny'));
  const rows = Array.from({ length: 24 }, (_, i) => ({ prompt: `${i} + 1 =`, completion: ` ${i + 1}` }));
  await storeDataset(platform.world, platform.caller(), 'sums', rows);
});
afterAll(async () => {
  await platform.close();
  await rm(folder, { recursive: true });
});

const training = {
  kind: 'train',
  base: 'tiny',
  dataset: 'sums',
  evalFraction: 0.1,
  output: { adapter: 'adder' },
  method: { kind: 'lora', config: { r: 2 } },
  steps: 4,
  batch: { rows: 6, microBatchTokens: 48, packTokens: 32 },
} as const;

test('a training run makes a published version of a new adapter, with its lineage, metrics and report', async () => {
  const { job } = await client.call(createJob, { body: training });
  const done = await platform.waitFor(client, job?.id ?? '');
  expect(done).toMatchObject({ state: 'succeeded', output: { adapter: 'adder', version: 1 }, attempt: 1 });
  const version = await client.call(getVersion, { params: { adapter: 'adder', version: 'latest' } });
  expect(version).toMatchObject({
    state: 'published',
    aliases: ['latest'],
    checks: { effectiveModules: 14, usable: true },
    lineage: { origin: 'train', jobId: done.id, base: { name: 'tiny' }, datasets: [{ name: 'sums' }] },
  });
  expect(done.report).toMatchObject({ kind: 'train', steps: 4, output: 'outputs/adder' });
  expect(JSON.stringify(done)).not.toContain(platform.folder);
  const { rows } = await client.call(listMetrics, { params: { job: done.id } });
  expect(rows.map((row) => row.step)).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 4]);
});

test('a training goes on from a version, whose child it is, and begins where that ends', async () => {
  const body = { ...training, method: { kind: 'continue', adapter: 'adder', version: '1' } } as const;
  const { job } = await client.call(createJob, { body });
  const done = await platform.waitFor(client, job?.id ?? '');
  expect(done).toMatchObject({ state: 'succeeded', output: { adapter: 'adder', version: 2 } });
  const parent = await client.call(getVersion, { params: { adapter: 'adder', version: '1' } });
  const version = await client.call(getVersion, { params: { adapter: 'adder', version: '2' } });
  expect(version.lineage.parents).toEqual([{ adapter: 'adder', version: 1, versionId: parent.id }]);
  const before = await client.call(getJob, { params: { job: parent.lineage.jobId ?? '' } });
  const lossOf = (report: unknown): { evalLossBefore: number; evalLoss: number } => report as never; // of a TrainReport
  expect(lossOf(done.report).evalLossBefore).toBe(lossOf(before.report).evalLoss);
  expect(done.report).toMatchObject({ from: { name: 'adder-v1', keepsMoments: false } });
});
