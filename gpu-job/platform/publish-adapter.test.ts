import { afterAll, beforeAll, expect, test } from 'vitest';
import { deleteAdapter, getAdapter } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createJob } from '../../shared/contract/jobs.ts';
import { getVersion } from '../../shared/contract/versions.ts';
import type { World } from '../../shared/platform/ports.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { FencedOutError, type Fence } from '../../shared/records/job-fence.ts';
import { getJobRecord, type JobRecord } from '../../shared/records/jobs.ts';
import { keys } from '../../shared/records/keys.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { storeDataset } from '../../test/support/stored-things.ts';
import { soundOutcome } from '../../test/support/version-outcome.ts';
import { publishAdapter } from './publish-adapter.ts';

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

async function claimedJob(adapter: string): Promise<{ readonly job: JobRecord; readonly fence: Fence }> {
  const body = { kind: 'train', base: 'tiny', dataset: 'rows', output: { adapter } } as const;
  const id = (await client.call(createJob, { body })).job?.id ?? '';
  const { runId } = (await getJobRecord(api.world.table, 'blue', id)).value;
  const { value, fence } = await changeJobRecord(api.world, api.caller(), id, { type: 'claim', runId });
  return { job: value, fence };
}

/** Does something right after the version was drafted for the first time. */
function afterDraft(versionId: string, then: () => Promise<unknown>): World {
  const { table } = api.world;
  const draft = JSON.stringify(keys.version('blue', versionId));
  let done = false;
  const hooked: World['table'] = {
    get: (key) => table.get(key),
    put: (record, condition) => table.put(record, condition),
    delete: (key, condition) => table.delete(key, condition),
    query: (query) => table.query(query),
    increment: (key, field, by, options) => table.increment(key, field, by, options),
    async transact(writes, options) {
      await table.transact(writes, options);
      if (done || !writes.some((write) => 'put' in write && JSON.stringify(write.put.key) === draft)) return;
      done = true;
      await then();
    },
  };
  return { ...api.world, table: hooked };
}

test('a container that has lost its job publishes nothing, whenever it lost it', async () => {
  const { job, fence } = await claimedJob('lost');
  const versionId = job.makes.versionId ?? '';
  const own = { job, versionId, inputs: job.inputs };
  const made = { ...own, adapter: 'lost', base: 'tiny', origin: 'train', files: [], outcome: soundOutcome } as const;
  const world = afterDraft(versionId, () =>
    changeJobRecord(api.world, api.caller(), job.id, { type: 'die', reason: 'It was silent.' }),
  );
  await expect(publishAdapter(world, api.caller(), fence, made)).rejects.toThrow(FencedOutError);
  await expect(publishAdapter(api.world, api.caller(), fence, made)).rejects.toThrow(FencedOutError);
  expect((await client.call(getAdapter, { params: { adapter: 'lost' } })).versions).toBe(0);
});

test('what was trained goes to a new adapter when the one it was drafted for was deleted in between', async () => {
  const { job, fence } = await claimedJob('trained');
  const versionId = job.makes.versionId ?? '';
  const own = { job, versionId, inputs: job.inputs };
  const made = { ...own, adapter: 'trained', base: 'tiny', origin: 'train', files: [], outcome: soundOutcome } as const;
  const params = { adapter: 'trained' };
  const world = afterDraft(versionId, () => client.call(deleteAdapter, { params }));
  const { version } = await publishAdapter(world, api.caller(), fence, made);
  expect(version).toMatchObject({ id: versionId, state: 'published', version: 1 });
  expect(await client.call(getVersion, { params: { ...params, version: 'latest' } })).toMatchObject({ id: versionId });
});
