import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cancelJob, type Job } from '../../../shared/contract/jobs.ts';
import { getJobRecord } from '../../../shared/records/jobs.ts';
import { weightsOf } from '../../support/interrupted-training.ts';
import { batchFailed } from '../aws-refusals.ts';
import { openFaultWorld, submitFaultTraining, type FaultWorld } from '../fault-world.ts';
import type { Fault, Plan } from '../faulty-proxy.ts';
import { brokenPromises } from '../job-promises.ts';
import { withoutFence } from '../table-edits.ts';

const team = 'blue';
const operationOf = (url: string): string => url.slice('/v1/'.length);

/** The first submission is done, and its answer says otherwise or does not come. Batch may not list its job yet. */
function lostSubmission(how: 'answered 500' | 'cut', { listed = true } = {}): Plan {
  let submissions = 0;
  return ({ url }): Fault | undefined => {
    if (operationOf(url) === 'listjobs' && !listed) return { altered: () => Buffer.from('{"jobSummaryList":[]}') };
    if (operationOf(url) !== 'submitjob' || (submissions += 1) > 1) return undefined;
    return how === 'cut' ? 'answer lost' : { doneAnd: batchFailed };
  };
}

describe('faults', () => {
  let world: FaultWorld;
  beforeAll(async () => {
    world = await openFaultWorld({ gpuSlots: 2 });
  });
  afterAll(() => world.close());

  /** Jobs of Batch that a run of this job has become. */
  const batchJobs = (jobId: string) =>
    world.platform.batch.jobs.filter(({ detail }) => detail.parameters?.['job'] === jobId);
  const broken = (job: Job): Promise<string[]> => brokenPromises(world.platform.world, team, job.id);

  test.each(['answered 500', 'cut'] as const)(
    'submit: a submission that was done and %s is found by its name, and one container does the job',
    async (how) => {
      const { platform, client, batch } = world;
      batch.plan = lostSubmission(how);
      const done = await platform.waitFor(client, await submitFaultTraining(client, `lost-${how.length}`));
      expect(done).toMatchObject({ state: 'succeeded', attempt: 1 });
      expect(await broken(done)).toEqual([]);
      expect(batchJobs(done.id)).toHaveLength(1);
    },
  );

  /** Two containers of one run, at least: where the one that Batch is known by leaves first, the sweep has yet another run made. */
  async function twoContainers(adapter: string): Promise<Job> {
    const { platform, client, batch } = world;
    batch.plan = lostSubmission('answered 500', { listed: false });
    const jobId = await submitFaultTraining(client, adapter);
    const { runId } = (await getJobRecord(platform.world.table, team, jobId)).value;
    const done = await platform.waitFor(client, jobId);
    await expect.poll(() => batchJobs(jobId).every(({ isOver }) => isOver), { timeout: 60_000 }).toBe(true);
    batch.plan = () => undefined;
    expect(batchJobs(jobId).filter(({ detail }) => detail.jobName === runId)).toHaveLength(2);
    return done;
  }

  test('submit: of two containers that were started for one run, one publishes, and the other leaves quietly', async () => {
    const done = await twoContainers('twice');
    expect(done).toMatchObject({ state: 'succeeded', output: { version: 1 } });
    expect(await broken(done)).toEqual([]);
    expect(batchJobs(done.id).every(({ detail }) => detail.container?.exitCode === 0)).toBe(true);
    expect(await weightsOf(world.platform.world, team, done)).not.toHaveLength(0);
  });

  test('submit: where no write asks for the fence, both work, and this is seen', async () => {
    const { table } = world;
    table.plan = withoutFence;
    const done = await twoContainers('unfenced');
    table.plan = () => undefined;
    expect(await broken(done)).toContain('one container at a time works');
  });

  test('submit: a job whose container was never noted can be cancelled', async () => {
    const { platform, client, batch } = world;
    batch.plan = lostSubmission('cut');
    const jobId = await submitFaultTraining(client, 'cancelled', { steps: 100_000 });
    // nobody looks after it before its container has begun
    const isTraining = ({ progress }: Job): boolean => progress?.unit === 'steps';
    await platform.waitFor(client, jobId, isTraining, async () => undefined);
    await client.call(cancelJob, { params: { job: jobId } });
    expect(await platform.waitFor(client, jobId)).toMatchObject({ state: 'cancelled', resumable: true });
    expect(batchJobs(jobId)).toHaveLength(1);
  });
});
