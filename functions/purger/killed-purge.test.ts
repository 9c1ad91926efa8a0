import { afterAll, beforeAll, expect, test } from 'vitest';
import { deleteAdapter } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createJob, listJobFiles, resumeJob } from '../../shared/contract/jobs.ts';
import { limits } from '../../shared/limits.ts';
import type { BlobRef } from '../../shared/platform/ports.ts';
import { blobKeys, blobPrefixes } from '../../shared/records/blob-keys.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { writeDelivery } from '../../shared/records/job-delivery.ts';
import { appendToStream, readStream } from '../../shared/records/job-stream.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { findVersion } from '../../shared/records/versions.ts';
import { dyingWorld } from '../../test/support/dying-world.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { pushVersion } from '../../test/support/send-upload.ts';
import { storeDataset } from '../../test/support/stored-things.ts';
import { sweepPurges } from './sweep-purges.ts';

let api: LocalApi;
let client: ApiClient;
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
  await storeDataset(api.world, api.caller(), 'rows', [{ prompt: 'a', completion: 'b' }]);
});
afterAll(async () => {
  expect(api.bugs).toEqual([]);
  await api.close();
});

async function countUnder(prefix: string): Promise<number> {
  let count = 0;
  for await (const _ of api.world.blobs.list(prefix)) count++;
  return count;
}

/** Purges again and again in worlds that die, each one write later, until one lives to the end. Returns how many died. */
async function killEverywhere(prepare: () => Promise<void>, check: () => Promise<void>): Promise<number> {
  for (let at = 1; ; at++)
    for (const when of ['before', 'after'] as const) {
      await prepare();
      const { world, died } = dyingWorld(api.world, at, when);
      for (let round = 0; round < 2; round++) await sweepPurges(world, { log: () => undefined });
      await check();
      if (!died()) return at - 1;
      for (let round = 0; round < 2; round++)
        await sweepPurges(api.world, { log: (_, error) => expect(error).toBeUndefined() });
      await check();
      const left = await api.world.table.query({ partition: 'ACTIVE#purges', index: 'index1', limit: 10 });
      expect(left.records).toEqual([]);
    }
}

test('a purge that is killed at any write leaves nothing half there, and the next one ends it', async () => {
  let versionId = '';
  const prepare = async (): Promise<void> => {
    versionId = (await pushVersion(api, client, 'killed', { aliases: ['production'] })).id;
    await api.settle();
    await client.call(deleteAdapter, { params: { adapter: 'killed' } });
    api.pass(1000 * (limits.deletedKeptSeconds + 60));
  };
  // whoever finds the version finds all of its bytes
  const check = async (): Promise<void> => {
    const found = await findVersion(api.world.table, 'blue', versionId);
    for (const { blob } of found?.value.files ?? []) expect(await api.world.blobs.head(blob)).toBeDefined();
  };
  const writes = await killEverywhere(prepare, check);
  expect(writes).toBeGreaterThan(8);
  expect(await findVersion(api.world.table, 'blue', versionId)).toBeUndefined();
  expect(await countUnder(blobPrefixes.version('blue', versionId))).toBe(0);
}, 60_000);

/** An export that failed after it had stored something, with a stream, a delivery and a checkpoint. */
async function failedJob(): Promise<string> {
  const { world } = api;
  const output = { adapter: 'trained' };
  const body = { kind: 'train', base: 'tiny', dataset: 'rows', output } as const;
  const { job } = await client.call(createJob, { body });
  const id = job?.id ?? '';
  const caller = api.caller();
  const { value } = await changeJobRecord(world, caller, id, { type: 'claim', runId: await runOf(id) });
  const { fence } = await changeJobRecord(world, caller, id, { type: 'cancel' });
  await appendToStream(world, fence, 1, [{ type: 'log', text: 'hello' }]);
  const stored = await world.blobs.put(
    blobKeys.versionFile('blue', value.makes.versionId ?? '', 'x'),
    Buffer.from('x'),
  );
  await world.blobs.put(blobKeys.jobCheckpoint('blue', id, 'state.json'), Buffer.from('old'));
  await world.blobs.put(blobKeys.jobCheckpoint('blue', id, 'state.json'), Buffer.from('new'));
  const report = await world.blobs.put(blobKeys.jobReport('blue', id), Buffer.from('{}'));
  const ref = ({ key, versionId }: BlobRef): BlobRef => ({ key, versionId });
  const file = { path: 'x', sizeBytes: 1, sha256: '0'.repeat(64), blob: ref(stored) };
  await writeDelivery(world, fence, { report: ref(report), files: [file], outcome: null, tasks: [], findings: [] });
  await changeJobRecord(world, caller, id, { type: 'refuse', reason: 'It was refused.' });
  return id;
}

const runOf = async (jobId: string): Promise<string> =>
  (await getJobRecord(api.world.table, 'blue', jobId)).value.runId;
const countOfJob = (id: string): Promise<number> => countUnder(`blue/jobs/${id}/`);

test('what a job left on its way goes after its time, whatever was killed meanwhile; its record, report and last word stay', async () => {
  let id = '';
  const prepare = async (): Promise<void> => {
    id = await failedJob();
    api.pass(1000 * (limits.jobTracesKeptSeconds - 60));
    await sweepPurges(api.world);
    expect(await countOfJob(id)).toBe(2);
    expect((await readStream(api.world.table, 'blue', id, { after: 0, count: 100 })).length).toBeGreaterThan(3);
    api.pass(120_000);
  };
  const writes = await killEverywhere(prepare, async () => undefined);
  expect(writes).toBeGreaterThan(5);
  expect(await countOfJob(id)).toBe(1);
  const events = await readStream(api.world.table, 'blue', id, { after: 0, count: 100 });
  expect(events).toMatchObject([{ id: 5, event: { type: 'state', state: 'failed' } }]);
  expect((await client.call(listJobFiles, { params: { job: id } })).files).toEqual([]);
}, 60_000);

test('a job that goes on keeps what it left, and its events go on counting', async () => {
  const id = await failedJob();
  api.pass(1000 * (limits.jobTracesKeptSeconds - 60));
  expect((await client.call(resumeJob, { params: { job: id } })).state).toBe('queued');
  api.pass(1000 * limits.jobTracesKeptSeconds);
  await sweepPurges(api.world);
  expect(await countOfJob(id)).toBe(2);
  await changeJobRecord(api.world, api.caller(), id, { type: 'cancel' });
  api.pass(1000 * (limits.jobTracesKeptSeconds + 60));
  await sweepPurges(api.world);
  expect(await countOfJob(id)).toBe(1);
  await client.call(resumeJob, { params: { job: id } });
  const events = await readStream(api.world.table, 'blue', id, { after: 0, count: 100 });
  expect(events.map(({ id: number }) => number)).toEqual([7, 8]);
});
