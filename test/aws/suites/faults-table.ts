import { setTimeout } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultPace } from '../../../shared/aws/attempts.ts';
import { lineTimeouts } from '../../../shared/aws/clients.ts';
import { DynamoTable } from '../../../shared/aws/dynamo-table.ts';
import { getJob, listMetrics, type Job } from '../../../shared/contract/jobs.ts';
import { createAdapter } from '../../../shared/contract/adapters.ts';
import { UnavailableError } from '../../../shared/errors.ts';
import { limits } from '../../../shared/limits.ts';
import { seededRandom } from '../../platform-suite/faults.ts';
import { failureOf } from '../../platform-suite/suite.ts';
import { weightsOf } from '../../support/interrupted-training.ts';
import { tableOperation, throttled } from '../aws-refusals.ts';
import { faultSteps, openFaultWorld, sendDataset, submitFaultTraining, type FaultWorld } from '../fault-world.ts';
import { startFaultyProxy, type Plan } from '../faulty-proxy.ts';
import { beginnings, brokenPromises } from '../job-promises.ts';
import { emulatorKey, emulatorSecret } from '../targets.ts';

const rows = Array.from({ length: 40 }, (_, i) => ({ prompt: `${i} + 1 =`, completion: ` ${i + 1}` }));

/** One call in four is refused, half as many are done and their answer is lost or broken off. */
function rough(seed: number): Plan {
  const random = seededRandom(seed);
  return (request) => {
    const chance = random();
    if (tableOperation(request) === 'CreateTable') return undefined;
    if (chance < 0.2) return { answer: throttled(request, random()) };
    if (chance < 0.25) return 'answer lost';
    return chance < 0.27 ? 'answer cut' : undefined;
  };
}

/** From a file of this machine to a published version: what it ends with. */
async function wholeRun(world: FaultWorld, name: string): Promise<Job> {
  const dataset = await sendDataset(world, name, rows);
  expect(dataset.state).toBe('ready');
  const { platform, client } = world;
  return platform.waitFor(client, await submitFaultTraining(client, name, { dataset: name }));
}

describe('faults', () => {
  let world: FaultWorld;
  let steady: Job;
  const weights = (job: Job): Promise<Buffer> => weightsOf(world.platform.world, 'blue', job);
  beforeAll(async () => {
    world = await openFaultWorld();
    steady = await wholeRun(world, 'steady');
  });
  afterAll(() => world.close());

  test('table: a run ends right while calls are refused, done without an answer, and answered by half', async () => {
    const { platform, client, table } = world;
    table.plan = rough(1);
    const done = await wholeRun(world, 'throttled');
    table.plan = () => undefined;
    expect(Object.keys(table.met).toSorted()).toEqual(['answer', 'answer cut', 'answer lost']);
    expect(done).toMatchObject({ state: 'succeeded', attempt: 1, output: { adapter: 'throttled', version: 1 } });
    expect(await brokenPromises(platform.world, 'blue', done.id)).toEqual([]);
    expect(await weights(done)).toEqual(await weights(steady));
    const { rows: metrics } = await client.call(listMetrics, { params: { job: done.id } });
    const steps = metrics.flatMap((row) => ('loss' in row ? [row.step] : []));
    expect(steps).toEqual(Array.from({ length: faultSteps }, (_, i) => i + 1));
  });

  test('table: where nothing is tried again, the same run fails, and this is seen', async () => {
    const hasty = await openFaultWorld({ pace: { ...defaultPace, triesMax: 1 } });
    hasty.table.plan = rough(2);
    await expect(wholeRun(hasty, 'hasty')).rejects.toThrow();
    await hasty.close();
  });

  test('table: a container that loses the table in the middle of its work stops, and the job goes on where it was', async () => {
    const { platform, client } = world;
    let isAway = false;
    const own = await startFaultyProxy(world.table.url, (request) => {
      if (isAway) return { answer: throttled(request, 0) };
      isAway = tableOperation(request) === 'TransactWriteItems' && request.body.includes('"checkpoint"');
      return undefined;
    });
    const there = platform.environment['AWS_ENDPOINT_URL_DYNAMODB'] ?? '';
    platform.environment['AWS_ENDPOINT_URL_DYNAMODB'] = own.url;
    const jobId = await submitFaultTraining(client, 'alone');
    const stopped = await platform.waitFor(client, jobId, ({ attempt }) => attempt === 2);
    expect(stopped).toMatchObject({ state: 'queued' });
    isAway = false;
    own.plan = () => undefined;
    const done = await platform.waitFor(client, jobId);
    expect((await beginnings(platform.world, 'blue', jobId)).at(1)).toBeGreaterThan(1);
    platform.environment['AWS_ENDPOINT_URL_DYNAMODB'] = there;
    await own.close();
    expect(await brokenPromises(platform.world, 'blue', done.id)).toEqual([]);
    expect(await weights(done)).toEqual(await weights(steady));
  });

  test('table: one that goes on refusing, or is silent, makes a call end with 503 in time', async () => {
    const { platform, client, table } = world;
    const key = `Bearer ${await platform.key()}`;
    const ask = async (method: string, path: string, body?: object): Promise<Response> =>
      platform.fetch(new URL(path, client.url), {
        method,
        headers: { authorization: key, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    const calls: (() => Promise<Response>)[] = [
      () => ask('GET', `/v1/jobs/${steady.id}`),
      () => ask('POST', '/v1/adapters', { name: 'never', base: 'tiny' }),
    ];
    const plans: Plan[] = [
      (request) => ({ answer: throttled(request, 0.9) }),
      // authenticated, and then the write is refused as often as there is time for
      (request) => (tableOperation(request) === 'TransactWriteItems' ? { answer: throttled(request, 0.6) } : undefined),
      () => 'silence',
    ];
    for (const [at, plan] of plans.entries()) {
      table.plan = plan;
      const asked = at === 1 ? calls.slice(1) : calls;
      await Promise.all(asked.map(async (call) => expect(await timed(call)).toEqual(unavailable)));
    }
    table.plan = () => undefined;
    // nothing of it was done
    await client.call(createAdapter, { body: { name: 'never', base: 'tiny' } });
    expect((await client.call(getJob, { params: { job: steady.id } })).state).toBe('succeeded');
  });

  test('table: a client without time-outs still waits where one with them has given up, and this is seen', async () => {
    const silent = await startFaultyProxy(world.table.url, () => 'silence');
    const settings = {
      region: 'us-east-1',
      maxAttempts: 1,
      credentials: { accessKeyId: emulatorKey, secretAccessKey: emulatorSecret },
      endpoint: silent.url,
    };
    const get = (how: object): Promise<unknown> => {
      const client = DynamoDBDocumentClient.from(new DynamoDBClient({ ...settings, ...how }));
      const pace = { ...defaultPace, triesMax: 1 };
      const table = new DynamoTable({ client, table: 'none', now: Date.now, pace });
      return failureOf(table.get({ partition: 'a', sort: 'b' })).finally(() => client.destroy());
    };
    const [patient, timed] = [get({}), get(lineTimeouts)];
    const ended = async (asked: Promise<unknown>): Promise<unknown> =>
      Promise.race([asked, setTimeout(1.5 * limits.awsSilentMilliseconds, 'waits')]);
    const [first, second] = await Promise.all([ended(patient), ended(timed)]);
    expect(first).toBe('waits');
    expect(second).toBeInstanceOf(UnavailableError);
    await silent.close();
    expect(await patient).toBeInstanceOf(UnavailableError);
  });
});

const unavailable = { status: 503, retryAfter: '1', code: 'unavailable', isInTime: true };

async function timed(call: () => Promise<Response>): Promise<object> {
  const begin = performance.now();
  const response = await call();
  const { code } = (await response.json()) as { readonly code: string };
  const isInTime = performance.now() - begin < callMilliseconds;
  return { status: response.status, retryAfter: response.headers.get('retry-after'), code, isInTime };
}

/** API Gateway waits no longer. */
const callMilliseconds = 30_000;
