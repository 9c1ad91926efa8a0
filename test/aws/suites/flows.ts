import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAdapter } from '../../../shared/contract/adapters.ts';
import type { ApiClient } from '../../../shared/contract/api-client.ts';
import { cancelJob, resumeJob, type Job } from '../../../shared/contract/jobs.ts';
import { getVersion, listVersionFiles } from '../../../shared/contract/versions.ts';
import { storeTrainingInputs, submitTraining, weightsOf } from '../../support/interrupted-training.ts';
import { putReadyBase } from '../../support/ready-base.ts';
import { pushVersion, sha256Hex, tinyAdapter } from '../../support/send-upload.ts';
import { openAwsPlatform, type AwsPlatform } from '../aws-platform.ts';
import { startMetadataEndpoint } from '../metadata-endpoint.ts';
import { readEndpoints, theTable } from '../targets.ts';

const endpoints = readEndpoints();
const { emulator, dynamo } = theTable(endpoints);
const s3 = endpoints.blobs['versitygw'] ?? endpoints.blobs['given'] ?? '';
const events = Object.values(endpoints.events)[0] ?? '';

let folder = '';
let platform: AwsPlatform;
let client: ApiClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-aws-flows-'));
  platform = await openAwsPlatform({ dynamo, s3, events });
  client = await platform.client();
  await storeTrainingInputs(platform.world, platform.caller(), join(folder, 'tiny'));
});
afterAll(async () => {
  await platform.close();
  await rm(folder, { recursive: true, force: true });
});

const submit = (adapter: string): Promise<string> => submitTraining(client, adapter, 80);
const weights = (job: Job): Promise<Buffer> => weightsOf(platform.world, platform.caller().team, job);
const isTraining = ({ progress }: Job): boolean => progress?.unit === 'steps' && progress.done >= 5;

describe(emulator, () => {
  test('flows: an adapter is sent in signed parts, validated, published and fetched again byte for byte', async () => {
    await putReadyBase(platform.world, 'blue', 'ready');
    await client.call(createAdapter, { body: { name: 'sent', base: 'ready' } });
    const files = await tinyAdapter();
    await pushVersion(platform, client, 'sent', { base: 'ready', files });
    await platform.settle();
    const params = { adapter: 'sent', version: 'latest' };
    const { version, files: links } = await client.call(listVersionFiles, { params });
    expect(version).toMatchObject({ state: 'published', version: 1 });
    for (const { path, url, sha256 } of links) {
      const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
      expect(sha256Hex(bytes)).toBe(sha256);
      if (path in files) expect(bytes).toEqual(new Uint8Array(files[path] ?? []));
    }
  });

  let steady: Job;
  test('flows: a training run becomes a job of Batch on a GPU queue, and a published version', async () => {
    steady = await platform.waitFor(client, await submit('steady'));
    expect(steady).toMatchObject({ state: 'succeeded', output: { adapter: 'steady', version: 1 }, attempt: 1 });
    const [job] = platform.batch.jobs;
    expect(job?.detail.jobQueue).toBe('gpu-24');
    // a container ends its job a moment before itself
    await expect.poll(() => job?.detail.status, { timeout: 10_000 }).toBe('SUCCEEDED');
    expect(Object.keys(job?.detail.parameters ?? {}).toSorted()).toEqual(['job', 'run', 'team']);
    const version = await client.call(getVersion, { params: { adapter: 'steady', version: 'latest' } });
    expect(version.lineage).toMatchObject({ origin: 'train', jobId: steady.id, base: { name: 'tiny' } });
  });

  test('flows: a machine that is told that it will be taken away hands its job on, and the next one does it', async () => {
    const metadata = await startMetadataEndpoint();
    platform.environment['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = metadata.url;
    try {
      const before = platform.batch.jobs.length;
      const done = await platform.waitFor(client, await submit('warned'));
      expect(done).toMatchObject({ state: 'succeeded', attempt: 2, output: { version: 1 } });
      expect(await weights(done)).toEqual(await weights(steady));
      const [warned] = platform.batch.jobs.slice(before);
      const log = warned ? await readFile(platform.batch.logPath(warned), 'utf8') : '';
      // what ended early is asked to go at once, so it may not come to its last words
      expect(log).toMatch(/^This machine is about to be taken away: \{"action":"terminate"/);
    } finally {
      delete platform.environment['AWS_EC2_METADATA_SERVICE_ENDPOINT'];
      metadata.close();
    }
  });

  test('flows: a run that is cancelled saves its work, and goes on with it when it is resumed', async () => {
    const jobId = await submit('stopped');
    await platform.waitFor(client, jobId, isTraining);
    await client.call(cancelJob, { params: { job: jobId } });
    expect(await platform.waitFor(client, jobId)).toMatchObject({ state: 'cancelled', resumable: true });
    await client.call(resumeJob, { params: { job: jobId } });
    const done = await platform.waitFor(client, jobId);
    expect(done).toMatchObject({ state: 'succeeded', output: { version: 1 } });
    expect(await weights(done)).toEqual(await weights(steady));
  });
});
