import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listVersions } from '../../../shared/contract/versions.ts';
import { listMetrics, type Job } from '../../../shared/contract/jobs.ts';
import { keys } from '../../../shared/records/keys.ts';
import { readStream } from '../../../shared/records/job-stream.ts';
import { weightsOf } from '../../support/interrupted-training.ts';
import { openFaultWorld, submitFaultTraining, type FaultWorld } from '../fault-world.ts';
import { beginnings, brokenPromises } from '../job-promises.ts';
import { withoutCheckpoints } from '../table-edits.ts';

const team = 'blue';
/** Enough to lose two machines on the way, on a fast one, too. */
const steps = 400;

describe('faults', () => {
  let world: FaultWorld;
  let steady: Job;
  beforeAll(async () => {
    world = await openFaultWorld();
    const { platform, client } = world;
    steady = await platform.waitFor(client, await submitFaultTraining(client, 'steady', { steps }));
  });
  afterAll(() => world.close());

  /** Takes the machine away from two containers of one run, each after it has got further itself: the one before is heard of late, too. */
  async function reclaimedTwice(adapter: string, hasGotFurther: HasGotFurther): Promise<Job> {
    const { platform, client } = world;
    const jobId = await submitFaultTraining(client, adapter, { steps });
    for (const attempt of [1, 2]) {
      let isDue = false;
      await platform.waitFor(
        client,
        jobId,
        (job) => isDue && job.attempt === attempt,
        async () => void (isDue = await hasGotFurther(jobId, await saidIn(jobId, attempt))),
      );
      platform.batch.jobs.findLast(({ detail }) => detail.status === 'RUNNING')?.reclaim();
      await platform.waitFor(client, jobId, (job) => job.attempt > attempt);
    }
    return platform.waitFor(client, jobId);
  }

  /** What the container of an attempt has said, by types. */
  async function saidIn(jobId: string, attempt: number): Promise<readonly string[]> {
    const events = await readStream(world.platform.world.table, team, jobId, { after: 0, count: Infinity });
    return events.filter((event) => event.attempt === attempt).map(({ event }) => event.type);
  }

  /** Whether a checkpoint is kept that was not there when the container began. */
  function newCheckpoint(): HasGotFurther {
    let before = 0;
    return async (jobId, said) => {
      const record = await world.platform.world.table.get(keys.jobCheckpoint(team, jobId));
      if (!said.includes('run')) before = record?.revision ?? 0;
      return (record?.revision ?? 0) > before;
    };
  }

  test('reclaims: a run that loses its machine twice goes on each time where it was, publishes once and counts its work once', async () => {
    const { platform, client } = world;
    const done = await reclaimedTwice('taken', newCheckpoint());
    expect(done).toMatchObject({ state: 'succeeded', attempt: 3, output: { adapter: 'taken', version: 1 } });
    expect(await brokenPromises(platform.world, team, done.id)).toEqual([]);
    const [first = 0, second = 0, third = 0, ...more] = await beginnings(platform.world, team, done.id);
    expect([first, second > first, third > second, more]).toEqual([1, true, true, []]);
    const { items } = await client.call(listVersions, { params: { adapter: 'taken' } });
    expect(items.map(({ version }) => version)).toEqual([1]);
    expect(await weightsOf(platform.world, team, done)).toEqual(await weightsOf(platform.world, team, steady));
    // what a run has used is settled in its report: work that was lost with a machine and done again counts once
    expect(countsOf(done)).toEqual(countsOf(steady));
    expect(await rowsOf(done)).toEqual(await rowsOf(steady));
  });

  test('reclaims: where no checkpoint is kept, a run begins anew each time, and this is seen', async () => {
    const { platform, table } = world;
    table.plan = withoutCheckpoints;
    const done = await reclaimedTwice('forgetful', async (_, said) => said.includes('step'));
    table.plan = () => undefined;
    expect(done.state).toBe('succeeded');
    expect(await beginnings(platform.world, team, done.id)).toEqual([1, 1, 1]);
  });

  async function rowsOf(job: Job): Promise<object[]> {
    const { rows } = await world.client.call(listMetrics, { params: { job: job.id } });
    return rows.map((row) => ({ ...row, tokensPerSecond: 0 }));
  }
});

/** `said`: types of what the container that works now has said. */
type HasGotFurther = (jobId: string, said: readonly string[]) => Promise<boolean>;

function countsOf({ report }: Job): object {
  const { steps, tokens, rows, epochs, trainLoss, files } = report ?? {};
  const weights = (files as Record<string, unknown>)['adapter_model.safetensors']; // as `TrainReport` says
  return { steps, tokens, rows, epochs, trainLoss, weights };
}
