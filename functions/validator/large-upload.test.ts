import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createDataset, getDataset } from '../../shared/contract/datasets.ts';
import { cancelJob, forkJob, getJob, listJobs, resumeJob, type Job } from '../../shared/contract/jobs.ts';
import { completeUpload } from '../../shared/contract/uploads.ts';
import { getVersion, listVersions, type Version } from '../../shared/contract/versions.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { runHere } from '../../test/support/run-here.ts';
import { announce, pushVersion, sendFiles, tinyAdapter, type NamedBytes } from '../../test/support/send-upload.ts';

// What is too large for a function is validated by a job, and comes out the same.
let api: LocalApi;
let client: ApiClient;
beforeAll(async () => {
  api = await openLocalApi({ jobAboveBytes: 1000 });
  client = await api.client();
  await putReadyBase(api.world, 'blue');
});
afterAll(() => api.close());

async function validations(): Promise<readonly Job[]> {
  return (await client.call(listJobs, { query: { kind: 'validate-upload' } })).items;
}

/** An upload that was looked at, and the job that has it now. */
async function push(adapter: string, files?: NamedBytes): Promise<{ readonly id: string; readonly job: Job }> {
  const { id } = await pushVersion(api, client, adapter, files ? { files } : {});
  await api.settle();
  const [job] = await validations();
  if (!job) throw new Error('there is a job');
  return { id, job };
}

const latest = async (adapter: string): Promise<Version | undefined> =>
  (await client.call(listVersions, { params: { adapter } })).items[0];

const dataOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test('a large upload waits for a job, which publishes it; looking again changes nothing', async () => {
  const { job } = await push('sound');
  expect(job).toMatchObject({ state: 'queued', request: { kind: 'validate-upload' } });
  await api.settle();
  expect(await validations()).toHaveLength(1);
  expect(await latest('sound')).toMatchObject({ state: 'validating' });
  await runHere(api, job.id);
  expect(await client.call(getJob, { params: { job: job.id } })).toMatchObject({ state: 'succeeded', findings: [] });
  const version = await client.call(getVersion, { params: { adapter: 'sound', version: 'latest' } });
  expect(version).toMatchObject({ state: 'published', version: 1, checks: { ranks: [2] } });
  await api.settle();
  expect(await validations()).toHaveLength(1);
});

test('what is unsound is refused with the findings of a function, and the job has done its work', async () => {
  const sound = await tinyAdapter();
  const weights = Uint8Array.from(sound['adapter_model.safetensors'] ?? []);
  weights.set([0, 0, 0xc0, 0x7f], weights.length - 4); // the last value is no number
  const files = { ...sound, 'adapter_model.safetensors': weights };
  const { job } = await push('unsound', files);
  await runHere(api, job.id);
  expect(await client.call(getJob, { params: { job: job.id } })).toMatchObject({ state: 'succeeded' });
  const here = await openLocalApi();
  await putReadyBase(here.world, 'blue');
  const other = await here.client();
  await pushVersion(here, other, 'unsound', { files });
  await here.settle();
  const [byFunction] = (await other.call(listVersions, { params: { adapter: 'unsound' } })).items;
  const byJob = await latest('unsound');
  expect(byJob).toMatchObject({ state: 'rejected' });
  expect(byJob?.findings).toEqual(byFunction?.findings);
  expect(byJob?.findings.length).toBeGreaterThan(0);
  await here.close();
});

test('a small upload is validated at once, and a large dataset by a job', async () => {
  const send = async (name: string, rows: number): Promise<void> => {
    const files = { 'data.jsonl': dataOf('{"prompt":"a","completion":"b"}\n'.repeat(rows)) };
    const [file] = announce(files);
    if (!file) throw new Error('one file is announced');
    const { upload } = await client.call(createDataset, { body: { name, file } });
    await sendFiles(api, client, upload, files);
    await client.call(completeUpload, { params: { upload: upload.id } });
    await api.settle();
  };
  const state = async (dataset: string) => (await client.call(getDataset, { params: { dataset } })).state;
  const before = (await validations()).length;
  await send('small', 2);
  expect([await state('small'), (await validations()).length]).toEqual(['ready', before]);
  await send('large', 40);
  expect([await state('large'), (await validations()).length]).toEqual(['validating', before + 1]);
  await runHere(api, (await validations())[0]?.id ?? '');
  expect(await state('large')).toBe('ready');
});

test('what a cancelled job was to validate is rejected, and the job neither goes on nor is forked', async () => {
  const { job } = await push('cancelled');
  await client.call(cancelJob, { params: { job: job.id } });
  await api.settle();
  expect(await latest('cancelled')).toMatchObject({
    state: 'rejected',
    findings: [{ code: 'validation-cancelled', message: 'It was cancelled before it began.' }],
  });
  const params = { job: job.id };
  await expect(client.call(resumeJob, { params })).rejects.toMatchObject({ code: 'not-resumable' });
  await expect(client.call(forkJob, { params, body: { changes: {} } })).rejects.toMatchObject({ code: 'job' });
});

test('a container that has lost its job publishes nothing', async () => {
  const { job } = await push('fenced');
  let lost: Promise<unknown> = Promise.resolve();
  await runHere(api, job.id, {
    onStage(stage) {
      if (stage !== 'claimed') return;
      lost = changeJobRecord(api.world, api.caller(), job.id, { type: 'die', reason: 'It was taken for dead.' });
    },
  });
  await lost;
  expect(await latest('fenced')).toMatchObject({ state: 'validating' });
  await runHere(api, job.id);
  expect(await latest('fenced')).toMatchObject({ state: 'published', version: 1 });
});
