import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { getBudget, listBudgets, setBudget } from '../../shared/contract/budgets.ts';
import { cancelJob, createJob, forkJob, getJob, resumeJob } from '../../shared/contract/jobs.ts';
import { whoAmI } from '../../shared/contract/keys.ts';
import { ownPrice } from '../../shared/domain/machine-prices.ts';
import { limits } from '../../shared/limits.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { administrate } from '../admin/administrate.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { storeDataset } from '../../test/support/stored-things.ts';

// Jobs are made and never run here: their runs end at once, and nobody sweeps.
let api: LocalApi;
let client: ApiClient;
beforeAll(async () => {
  api = await openLocalApi();
  Object.assign(api.deps, { priceOf: () => ownPrice(2) });
  client = await api.client();
  await putReadyBase(api.world, 'blue');
  await storeDataset(api.world, api.caller(), 'sums', [{ prompt: '1 + 1 =', completion: ' 2' }]);
});
afterAll(() => api.close());

const job = { kind: 'evaluate', base: 'tiny', dataset: 'sums' } as const;
const team = { params: { subject: 'team' } };
const set = (body: object) => client.call(setBudget, { ...team, body });
const make = async (budget?: object): Promise<string> => {
  const body = { ...job, ...(budget ? { budget } : {}) };
  const made = await client.call(createJob, { body });
  return made.job?.id ?? '';
};
const change = (id: string, ...[what]: [Parameters<typeof changeJobRecord>[3]]) =>
  changeJobRecord(api.world, api.caller(), id, what);

const claim = async (id: string): Promise<void> => {
  const { value } = await getJobRecord(api.world.table, 'blue', id);
  await change(id, { type: 'claim', runId: value.runId });
};

test('a job reserves what it may take, uses what its container took, and gives the rest back when it ends', async () => {
  const id = await make({ maxSeconds: 3600 });
  const { key } = await client.call(whoAmI, {});
  const reserved = { dollars: 2, machineHours: 1, jobs: 1 };
  expect(await client.call(getBudget, team)).toMatchObject({ reserved, used: { dollars: 0, machineHours: 0 } });
  const own = { params: { subject: key.id } };
  expect(await client.call(getBudget, own)).toMatchObject({ subject: key.id, reserved });
  const { runId } = (await change(id, { type: 'cancel' })).value;
  expect(runId).not.toBe('');
  // cancelled while it waited: nothing was taken
  expect(await client.call(getBudget, team)).toMatchObject({ reserved: { dollars: 0, jobs: 0 }, used: { dollars: 0 } });
  await client.call(resumeJob, { params: { job: id } });
  const claimed = await client.call(getJob, { params: { job: id } });
  expect(claimed).toMatchObject({ state: 'queued', allowance: { maxSeconds: 3600, maxDollars: 2, dollarsPerHour: 2 } });
  await claim(id);
  api.pass(900_000);
  await change(id, { type: 'die', reason: 'It is gone.' });
  const after = await client.call(getBudget, team);
  expect(after.used.machineHours).toBeCloseTo(0.25, 3);
  expect(after.used.machineHours + after.reserved.machineHours).toBe(1);
  await client.call(cancelJob, { params: { job: id } });
  expect(await client.call(getBudget, team)).toMatchObject({ used: after.used, reserved: { dollars: 0, jobs: 0 } });
  const { usage } = await client.call(getJob, { params: { job: id } });
  expect(usage.chargedSeconds).toBeCloseTo(after.used.machineHours * 3600, 6);
  expect(usage.dollars).toBeCloseTo(after.used.dollars, 6);
});

test('a job that has taken all that it may does not go on, and what it took beyond is told and not charged', async () => {
  const id = await make({ maxSeconds: 10 });
  await claim(id);
  api.pass(15_000);
  await change(id, { type: 'refuse', reason: 'bad' });
  const { usage } = await client.call(getJob, { params: { job: id } });
  expect(usage.chargedSeconds).toBe(10);
  expect(usage.machineSeconds).toBeGreaterThanOrEqual(15);
  await expect(client.call(resumeJob, { params: { job: id } })).rejects.toMatchObject({
    status: 409,
    code: 'budget-spent',
  });
});

test('a refusal names every limit with what is used, reserved and wanted; dry runs are refused nothing', async () => {
  const before = await client.call(getBudget, team);
  await set({ dollars: before.used.dollars + 1, machineHours: before.used.machineHours + 0.5, jobs: 1 });
  const held = await make({ maxSeconds: 1800 });
  const refused = client.call(createJob, { body: { ...job, budget: { maxSeconds: 60 } } });
  await expect(refused).rejects.toMatchObject({
    status: 402,
    code: 'budget-exceeded',
    message: expect.stringMatching(/\$1\.00 reserved .* wanted.*0\.5 h reserved.*limit is 1 jobs/s),
    findings: [{ code: 'budget-exceeded' }, { code: 'budget-exceeded' }, { code: 'too-many-jobs' }],
  });
  await expect(client.call(forkJob, { params: { job: held }, body: { changes: {} } })).rejects.toMatchObject({
    status: 402,
  });
  await set({ dollars: null, machineHours: null });
  await expect(make()).rejects.toMatchObject({ status: 429, code: 'too-many-jobs' });
  expect((await client.call(createJob, { body: job, query: { dryRun: 'true' } })).job).toBeNull();
  await client.call(cancelJob, { params: { job: held } });
  await set({ jobs: null });
});

test('the same call twice reserves once', async () => {
  const { reserved } = await client.call(getBudget, team);
  const call = { body: { ...job, budget: { maxSeconds: 36 } }, idempotencyKey: 'once' };
  const [first, second] = [await client.call(createJob, call), await client.call(createJob, call)];
  expect(second.job?.id).toBe(first.job?.id);
  expect((await client.call(getBudget, team)).reserved.jobs).toBe(reserved.jobs + 1);
  await client.call(cancelJob, { params: { job: first.job?.id ?? '' } });
});

test('without a budget of its own a job may take its default, which dollars bound, too', async () => {
  const id = await make();
  const { allowance } = await client.call(getJob, { params: { job: id } });
  expect(allowance).toMatchObject({ maxSeconds: limits.jobDefaultSecondsMin, maxDollars: 2 });
  await client.call(cancelJob, { params: { job: id } });
  const cheap = await make({ maxDollars: 0.01 });
  expect((await client.call(getJob, { params: { job: cheap } })).allowance?.maxSeconds).toBe(18);
  await client.call(cancelJob, { params: { job: cheap } });
  const tooLong = { ...job, budget: { maxSeconds: limits.jobSecondsMax + 1 } };
  await expect(client.call(createJob, { body: tooLong })).rejects.toMatchObject({ code: 'invalid-request' });
});

test('limits of one key hold for its jobs, none is set below what is in use, and foreign keys are not there', async () => {
  const other = await api.client();
  const { key } = await other.call(whoAmI, {});
  const own = { params: { subject: key.id } };
  await client.call(setBudget, { ...own, body: { jobs: 0 } });
  await expect(other.call(createJob, { body: job })).rejects.toMatchObject({
    code: 'too-many-jobs',
    message: expect.stringContaining("The key's limit is 0 jobs"),
  });
  const held = await make({ maxSeconds: 3600 });
  await expect(set({ jobs: 0, machineHours: 0.5 })).rejects.toMatchObject({ status: 409, code: 'below-use' });
  await client.call(cancelJob, { params: { job: held } });
  const { items } = await client.call(listBudgets, { query: {} });
  expect(items.find(({ subject }) => subject === key.id)?.limits).toMatchObject({
    dollars: null,
    machineHours: null,
    jobs: 0,
  });
  const red = await api.client('red');
  await expect(red.call(getBudget, own)).rejects.toMatchObject({ status: 404 });
  const { items: none } = await red.call(listBudgets, { query: {} });
  expect(none).toEqual([]);
});

test('calls a second of a key are refused beyond its limit, until it is taken away; a team has no such limit', async () => {
  const other = await api.client();
  const { key } = await other.call(whoAmI, {});
  const own = { params: { subject: key.id } };
  expect(await client.call(setBudget, { ...own, body: { requestsPerSecond: 2 } })).toMatchObject({
    limits: { requestsPerSecond: 2 },
  });
  await other.call(whoAmI, {});
  await other.call(whoAmI, {});
  // a client that may repeat a call does, in vain
  await expect(other.call(whoAmI, {})).rejects.toMatchObject({ status: 429, code: 'too-many-requests' });
  api.pass(1000);
  await other.call(whoAmI, {});
  await client.call(setBudget, { ...own, body: { requestsPerSecond: null } });
  for (let i = 0; i < 10; i++) await other.call(whoAmI, {});
  await expect(set({ requestsPerSecond: 2 })).rejects.toMatchObject({ code: 'invalid-request' });
});

test('the administrator sets the budget of a team, with the same rules', async () => {
  const order = (limitsGiven: object) =>
    administrate(api.world, { action: 'set-budget', team: 'blue', limits: limitsGiven });
  expect(await order({ dollars: 50 })).toMatchObject({ ok: false, code: 'no-such-team' });
  await administrate(api.world, { action: 'create-team', team: 'blue' });
  expect(await order({ dollars: -1 })).toMatchObject({ ok: false, code: 'bad-order' });
  expect(await order({ dollars: 50 })).toMatchObject({
    ok: true,
    budget: { subject: 'team', limits: { dollars: 50 } },
  });
  expect(await client.call(getBudget, team)).toMatchObject({ limits: { dollars: 50 } });
});
