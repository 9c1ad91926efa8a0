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

test('a dry run says how its memory compares with the machine, and on which it would fit', async () => {
  const sizes = { small: 200e6, middling: 20e9, large: 40e9 };
  const all = Object.entries(sizes).map(([name, memoryBytes]) => ({ name, memoryBytes }));
  const on = async (chosen: string, of: typeof all = all) => {
    const machine = all.find(({ name }) => name === chosen);
    if (!machine) throw new Error('there is such a machine');
    const given = { ...api.deps };
    Object.assign(api.deps, { machinesFor: () => ({ chosen: machine, all: of }) });
    try {
      return await client.call(createJob, { body: training, query: { dryRun: 'true' } });
    } finally {
      Object.assign(api.deps, { machinesFor: undefined, ...given });
    }
  };
  const fits = await on('large');
  expect(fits.machine).toMatchObject({ name: 'large', memoryBytes: 40e9, fits: true, smallestThatFits: 'middling' });
  expect(fits.warnings).toEqual([]);
  const { training: told, memoryBytes } = fits.estimate;
  expect(told).toMatchObject({ plan: expect.stringMatching(/^all that is needed is kept/) as string });
  expect(Object.values(told?.memory ?? {}).reduce((sum, part) => sum + part, 0)).toBeCloseTo(memoryBytes, -1);
  const tight = await on('small');
  expect(tight.machine).toMatchObject({ fits: false, smallestThatFits: 'middling' });
  expect(tight.machine?.leastBytes).toBeGreaterThan(200e6);
  expect(tight.warnings).toMatchObject([{ code: 'memory', where: 'memory' }]);
  expect(tight.warnings[0]?.message).toMatch(
    /the machine that it gets \(small\) has 0\.2 GB\. The smallest that it fits is middling$/,
  );
  // what has less memory gets the way that takes less
  expect(tight.estimate.training?.plan).toMatch(/^layers are computed again/);
  const none = await on('small', [{ name: 'small', memoryBytes: 200e6 }]);
  expect(none.machine?.smallestThatFits).toBeNull();
  expect(none.warnings[0]?.message).toMatch(/It fits no machine there is$/);
  // nothing is known of machines
  expect((await client.call(createJob, { body: training, query: { dryRun: 'true' } })).machine).toBeNull();
});
