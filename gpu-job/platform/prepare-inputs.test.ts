import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shareAdapter, unshareAdapter } from '../../shared/contract/shares.ts';
import { deleteAdapter } from '../../shared/contract/adapters.ts';
import { sharedInput, type JobRecord } from '../../shared/records/jobs.ts';
import { submitJob } from '../../shared/records/submit-job.ts';
import { resolveVersion } from '../../shared/records/versions.ts';
import { addTeam } from '../../test/support/add-team.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { publishMade } from '../../test/support/publish-made.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { prepareInputs } from './prepare-inputs.ts';

let api: LocalApi;
beforeAll(async () => {
  api = await openLocalApi();
  await addTeam(api.world, 'red');
  await putReadyBase(api.world, 'blue', 'tiny');
});
afterAll(() => api.close());

const request = {
  kind: 'export',
  format: 'peft',
  adapter: 'blue:french',
  version: '1',
  fillLayers: false,
} as const;

/** A job of red's that reads an adapter of blue's, which is shared when it is made. */
async function jobOnShared(): Promise<JobRecord> {
  const blue = await api.client('blue');
  await publishMade(api.world, api.caller('blue'), { adapter: 'french', base: 'tiny', lineage: { origin: 'train' } });
  await blue.call(shareAdapter, { params: { adapter: 'french', team: 'red' } });
  const { version } = await resolveVersion(api.world.table, 'red', 'blue:french', 'latest');
  const input = sharedInput(version.value);
  const parents = [{ adapter: input.adapter, versionId: input.versionId, version: 1 }];
  return submitJob(api.world, api.caller('red'), { kind: 'export', request, inputs: { parents }, shared: [input] });
}

const prepare = (job: JobRecord, name: string) => prepareInputs(api.world, job, request, join(api.folder, name));
const inputGone = {
  code: 'input-gone',
  message: expect.stringContaining('not shared with the team any more') as string,
};

test('puts what another team shares into a folder that every system can have', async () => {
  const { adapter } = await prepare(await jobOnShared(), 'shared');
  expect(adapter).toBe(join(api.folder, 'shared', 'adapters', 'blue--french-v1'));
  expect(await readdir(adapter ?? '')).toEqual(['adapter_model.safetensors']);
});

test('what is shared no more is not fetched, neither is another adapter of its name', async () => {
  const job = await jobOnShared();
  const blue = await api.client('blue');
  await blue.call(unshareAdapter, { params: { adapter: 'french', team: 'red' } });
  await expect(prepare(job, 'taken')).rejects.toMatchObject(inputGone);
  await blue.call(deleteAdapter, { params: { adapter: 'french' } });
  await jobOnShared();
  await expect(prepare(job, 'replaced')).rejects.toMatchObject(inputGone);
});
