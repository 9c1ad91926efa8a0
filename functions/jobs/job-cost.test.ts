import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createJob } from '../../shared/contract/jobs.ts';
import { ownPrice } from '../../shared/domain/machine-prices.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { storeDataset } from '../../test/support/stored-things.ts';

// Jobs are made and never run here: their runs end at once, and nobody sweeps.
let api: LocalApi;
let client: ApiClient;
beforeAll(async () => {
  api = await openLocalApi();
  Object.assign(api.deps, { priceOf: () => ownPrice(3) });
  client = await api.client();
  await putReadyBase(api.world, 'blue');
  await storeDataset(api.world, api.caller(), 'sums', [{ prompt: '1 + 1 =', completion: ' 2' }]);
});
afterAll(() => api.close());

const training = { kind: 'train', base: 'tiny', dataset: 'sums', output: { adapter: 'mine' } } as const;
const dryRun = async (budget?: object) =>
  (await client.call(createJob, { body: { ...training, ...(budget ? { budget } : {}) }, query: { dryRun: 'true' } }))
    .cost;

test('a dry run tells dollars, the allowance and hosted trainers, by an estimate until there is a measurement', async () => {
  const cost = await dryRun({ maxSeconds: 120 });
  expect(cost).toMatchObject({ secondsFrom: 'estimate', maxSeconds: 120, maxDollars: 0.1, dollarsPerHour: 3 });
  expect(cost?.dollars).toBeCloseTo(((cost?.seconds ?? 0) * 3) / 3600, 5);
  expect(cost?.hosted.map(({ provider }) => provider)).toContain('Fireworks AI');
  const { job } = await client.call(createJob, { body: training });
  const { value } = await getJobRecord(api.world.table, 'blue', job?.id ?? '');
  await changeJobRecord(api.world, api.caller(), value.id, { type: 'claim', runId: value.runId });
  const report = { kind: 'train', tokensPerSecond: 50 };
  const { key, versionId } = await api.world.blobs.put('blue/report', Buffer.from(JSON.stringify(report)));
  const also = { report: { key, versionId } };
  await changeJobRecord(api.world, api.caller(), value.id, { type: 'succeed' }, { also });
  const { estimate } = await client.call(createJob, { body: training, query: { dryRun: 'true' } });
  expect(await dryRun()).toMatchObject({
    secondsFrom: 'measured',
    measuredBy: value.id,
    tokensPerSecond: 50,
    seconds: (estimate.tokens ?? 0) / 50,
  });
  // of another team, nothing is known
  await putReadyBase(api.world, 'red');
  await storeDataset(api.world, api.caller('red'), 'sums', [{ prompt: '1 + 1 =', completion: ' 2' }]);
  const red = await api.client('red');
  const theirs = await red.call(createJob, { body: training, query: { dryRun: 'true' } });
  expect(theirs.cost?.secondsFrom).toBe('estimate');
});
