import type { JobDetail } from '@aws-sdk/client-batch';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { environmentNames } from '../../../shared/aws/environment.ts';
import { changeJobRecord } from '../../../shared/records/change-job-record.ts';
import { getJobRecord } from '../../../shared/records/jobs.ts';
import { startRun } from '../../../shared/records/submit-job.ts';
import { awsJobClasses } from '../aws-platform.ts';
import { openFaultWorld, submitFaultTraining, type FaultWorld } from '../fault-world.ts';
import { brokenPromises } from '../job-promises.ts';

const team = 'blue';

/** As EventBridge gives it to the function. */
interface StateChange {
  readonly source: 'aws.batch';
  readonly 'detail-type': 'Batch Job State Change';
  readonly detail: JobDetail;
}

type Handler = (event: unknown) => Promise<unknown>;

/** What comes of a new event, of all that there were before it, oldest first. */
type Delivery = (event: StateChange, earlier: readonly StateChange[]) => readonly StateChange[];

const deliveries: Readonly<Record<string, Delivery>> = {
  'come twice': (event) => [event, event],
  'come late and in the wrong order': (event, earlier) => {
    // a beginning is told of only after its end, and each time everything older comes again
    if (event.detail.status === 'RUNNING') return earlier.toReversed();
    return [event, ...earlier.toReversed()];
  },
};

describe('faults', () => {
  let world: FaultWorld;
  let seen: StateChange[] = [];
  let working: Promise<unknown>[] = [];
  let onEvent = (_event: StateChange): void => undefined;
  let hint: Handler;
  let reconcile: Handler;
  beforeAll(async () => {
    world = await openFaultWorld({
      onChange(detail) {
        const event = { source: 'aws.batch', 'detail-type': 'Batch Job State Change', detail } as const;
        onEvent(structuredClone(event));
      },
    });
    // the functions find everything by their environment, as on AWS
    Object.assign(process.env, world.platform.environment, {
      AWS_ENDPOINT_URL_BATCH: world.batch.url,
      [environmentNames.jobClasses]: JSON.stringify(awsJobClasses),
      POWERTOOLS_METRICS_DISABLED: 'true',
    });
    hint = (await import('../../../functions/job-events/lambda.ts')).handler;
    reconcile = (await import('../../../functions/reconciler/lambda.ts')).handler;
  });
  afterAll(() => world.close());

  /** Trains with one machine taken away, while events come as told; resolves to what is the same for every such run. */
  async function trained(adapter: string, deliver: Delivery, { handler = hint, look = async () => {} } = {}) {
    const { platform, client } = world;
    seen = [];
    working = [];
    onEvent = (event) => {
      const due = deliver(event, seen);
      seen.push(event);
      working.push(...due.map((one) => handler(one)));
    };
    const jobId = await submitFaultTraining(client, adapter, { steps: 40 });
    await platform.waitFor(client, jobId, ({ state }) => state === 'running', look);
    platform.batch.jobs.findLast(({ detail }) => detail.status === 'RUNNING')?.reclaim();
    const done = await platform.waitFor(client, jobId, undefined, look);
    // the last container ends after its job, and is told of then
    await expect.poll(() => platform.batch.jobs.every(({ isOver }) => isOver), { timeout: 20_000 }).toBe(true);
    for (const work of working) await work;
    const { attempt, deaths, stops, state, reason } = (await record(jobId)).value;
    return { jobId, version: done.output.version, attempt, deaths, stops, state, reason };
  }

  const record = (jobId: string) => getJobRecord(world.platform.world.table, team, jobId);
  const expected = { version: 1, attempt: 2, deaths: 1, stops: 0, state: 'succeeded', reason: 'It is done.' };

  test('events: where all of them are lost, the reconciler alone brings a job to its end', async () => {
    const { jobId, ...ended } = await trained('unheard', () => [], { look: async () => void (await reconcile({})) });
    expect(ended).toEqual(expected);
    expect(await brokenPromises(world.platform.world, team, jobId)).toEqual([]);
  });

  test.each(Object.keys(deliveries))('events: where they %s, a job ends the same way, once', async (how) => {
    const deliver = deliveries[how] ?? (() => []);
    const { jobId, ...ended } = await trained(how.replaceAll(' ', '-'), deliver);
    expect(ended).toEqual(expected);
    expect(await brokenPromises(world.platform.world, team, jobId)).toEqual([]);
    const before = await record(jobId);
    for (const event of [...seen.toReversed(), ...seen]) await hint(event);
    expect(await record(jobId)).toEqual(before);
    expect(await brokenPromises(world.platform.world, team, jobId)).toEqual([]);
  });

  test('events: where the word of an event is taken instead of that of Batch, a job ends otherwise, and this is seen', async () => {
    const { platform } = world;
    const credulous: Handler = async (event) => {
      const { detail } = event as StateChange;
      if (detail.status !== 'FAILED') return;
      const jobId = detail.parameters?.['job'] ?? '';
      const change = { type: 'die', reason: detail.statusReason ?? '' } as const;
      const { value } = await changeJobRecord(platform.world, platform.caller(), jobId, change);
      if (value.state === 'queued') await startRun(platform.world, value);
    };
    const again: Delivery = (event, earlier) => [event, ...earlier];
    const { jobId: _jobId, ...ended } = await trained('credulous', again, {
      handler: (event) => credulous(event).catch(() => undefined),
    });
    expect(ended).not.toEqual(expected);
  });
});
