import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAdapter } from '../../../shared/contract/adapters.ts';
import type { ApiClient } from '../../../shared/contract/api-client.ts';
import { listJobs } from '../../../shared/contract/jobs.ts';
import { listVersions } from '../../../shared/contract/versions.ts';
import { putReadyBase } from '../../support/ready-base.ts';
import { pushVersion, tinyAdapter } from '../../support/send-upload.ts';
import { openAwsPlatform, type AwsPlatform } from '../aws-platform.ts';
import { readEndpoints, theTable } from '../targets.ts';

const endpoints = readEndpoints();
const { emulator, dynamo } = theTable(endpoints);
const s3 = endpoints.blobs['versitygw'] ?? endpoints.blobs['given'] ?? '';
const events = Object.values(endpoints.events)[0] ?? '';

let platform: AwsPlatform;
let client: ApiClient;
beforeAll(async () => {
  platform = await openAwsPlatform({ dynamo, s3, events }, { jobAboveBytes: 1000 });
  client = await platform.client();
  await putReadyBase(platform.world, 'blue', 'ready');
});
afterAll(() => platform.close());

describe(emulator, () => {
  test('large uploads: a job on the CPU queue publishes what is sound and refuses what is not', async () => {
    await client.call(createAdapter, { body: { name: 'sent', base: 'ready' } });
    const sound = await tinyAdapter();
    const cut = {
      ...sound,
      'adapter_model.safetensors': (sound['adapter_model.safetensors'] ?? new Uint8Array()).slice(0, -4),
    };
    for (const files of [sound, cut]) await pushVersion(platform, client, 'sent', { base: 'ready', files });
    await platform.settle();
    const { items } = await client.call(listJobs, { query: { kind: 'validate-upload' } });
    expect(items).toHaveLength(2);
    for (const { id } of items) expect(await platform.waitFor(client, id)).toMatchObject({ state: 'succeeded' });
    expect(platform.batch.jobs.map(({ detail }) => detail.jobQueue)).toEqual(['cpu', 'cpu']);
    const versions = (await client.call(listVersions, { params: { adapter: 'sent' } })).items;
    expect(versions.map(({ state }) => state).toSorted()).toEqual(['published', 'rejected']);
  });
});
