import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runSpec } from '../../gpu-job/jobs/run-spec.ts';
import type { ContainerTools } from '../../gpu-job/platform/container.ts';
import { runContainer } from '../../gpu-job/platform/run-container.ts';
import { hasEnded } from '../../shared/domain/job-states.ts';
import type { RecordWrite, World } from '../../shared/platform/ports.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { findDelivery } from '../../shared/records/job-delivery.ts';
import { readStream } from '../../shared/records/job-stream.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { auditPartition } from '../../shared/records/keys.ts';
import { getVersionRecord } from '../../shared/records/versions.ts';
import { changed } from '../support/changed.ts';
import { openHalfComposition, type HalfComposition } from '../support/half-composition.ts';
import { rememberingContext } from '../support/remembering-context.ts';

// Two containers of one job: the first was thought dead and is not. What the fence is for is seen by taking it away.
let half: HalfComposition;
beforeAll(async () => void (half = await openHalfComposition()));
afterAll(() => half.api.close());

/** A world in which some writes of every transaction do nothing; the others keep their places in it. */
const without = (world: World, isLeftOut: (write: RecordWrite) => boolean): World => ({
  ...world,
  table: changed(world.table, {
    transact: (writes, options) =>
      world.table.transact(
        writes.map((write) => (isLeftOut(write) ? nothing : write)),
        options,
      ),
  }),
});
const nothing: RecordWrite = { put: { key: { partition: 'blue#nothing', sort: 'nothing' }, value: {} } };

const isFence = ({ sort }: { readonly sort: string }): boolean => sort === 'fence';

/** A container that has done its work, and waits before it says so. */
function container(world: World, jobId: string, runId: string, published: string[]) {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let tell = (): void => undefined;
  const worked = new Promise<void>((resolve) => (tell = resolve));
  const runJob: ContainerTools['runJob'] = async (spec) => {
    const report = await runSpec(spec, rememberingContext());
    tell();
    await released;
    return report;
  };
  const onStage: ContainerTools['onStage'] = (stage) => void (stage === 'published' && published.push(runId));
  // each as on a machine of its own
  const tools = { work: join(half.api.folder, runId), stop: new AbortController().signal, runJob, onStage };
  const ended = runContainer(world, { team: 'blue', jobId, runId }, tools).catch(() => undefined);
  return { worked, release, ended };
}

/** Lets both do the work, the first one publish, then the second. Resolves to every promise that was broken. */
async function brokenPromises(plant: (world: World) => World): Promise<string[]> {
  const { api } = half;
  const { world } = api;
  const { id: jobId, runId: lost } = await half.compose('half');
  const record = async () => (await getJobRecord(world.table, 'blue', jobId)).value;
  const published: string[] = [];
  const first = container(plant(world), jobId, lost, published);
  await first.worked;
  await changeJobRecord(world, api.caller(), jobId, { type: 'die', reason: 'It was silent.' }, { ifRun: lost });
  const holder = (await record()).runId;
  const second = container(plant(world), jobId, holder, published);
  await Promise.race([second.worked, second.ended]);
  first.release();
  await first.ended;
  second.release();
  await second.ended;

  const done = await record();
  const hour = new Date(world.now()).toISOString().slice(0, 13);
  const { records } = await world.table.query({ partition: auditPartition('blue', hour), limit: 1000 });
  const audit = records.map(({ value }) => value as { action: string; resource: string; requestId: string }); // as `commit` writes
  const by = (action: string, id = ''): string[] =>
    audit.filter((row) => row.action === action && row.resource.endsWith(id)).map(({ requestId }) => requestId);
  const events = await readStream(world.table, 'blue', jobId, { after: 0, count: Infinity });
  const ends = events.filter(({ event }) => event.type === 'state' && hasEnded(event.state));
  const delivery = await findDelivery(world.table, 'blue', jobId);
  const version = await getVersionRecord(world.table, 'blue', done.makes.versionId ?? '').catch(() => undefined);
  const promises: Record<string, boolean> = {
    'the container that holds the job publishes, and no other': String(published) === holder,
    'the version is published by it': String(by('version.publish', done.makes.versionId)) === holder,
    'the job is ended by it, once': String(by('job.succeed', jobId)) === holder && ends.length === 1,
    'nothing is said after the end': events.at(-1)?.id === ends.at(-1)?.id,
    'what was kept is what was published': JSON.stringify(delivery?.files) === JSON.stringify(version?.value.files),
  };
  return Object.entries(promises).flatMap(([promise, isKept]) => (isKept ? [] : [promise]));
}

test('of two containers that have done the work, the one that holds the job publishes it, once', async () => {
  expect(await brokenPromises((world) => world)).toEqual([]);
});

test('where no write asks for the fence, both publish, and this is seen', async () => {
  const broken = await brokenPromises((world) => without(world, (write) => 'check' in write && isFence(write.check)));
  expect(broken).toContain('the container that holds the job publishes, and no other');
  expect(broken).toContain('the job is ended by it, once');
  expect(broken).toContain('what was kept is what was published');
});

test('where a claim takes the job from nobody, the wrong one publishes, and this is seen', async () => {
  const broken = await brokenPromises((world) => without(world, (write) => 'put' in write && isFence(write.put.key)));
  expect(broken).toContain('the container that holds the job publishes, and no other');
});
