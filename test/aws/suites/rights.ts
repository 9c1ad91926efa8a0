import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdminAnswer } from '../../../functions/admin/administrate.ts';
import { createValidator } from '../../../functions/validator/validator.ts';
import { createAdapter, deleteAdapter } from '../../../shared/contract/adapters.ts';
import type { ApiClient } from '../../../shared/contract/api-client.ts';
import { listAuditSeals } from '../../../shared/contract/audit.ts';
import { createBase, getBase } from '../../../shared/contract/bases.ts';
import { createDataset } from '../../../shared/contract/datasets.ts';
import { cancelJob, createJob, getJob, listJobs, resumeJob, type Job } from '../../../shared/contract/jobs.ts';
import { operations } from '../../../shared/contract/operations.ts';
import { completeUpload, getUpload } from '../../../shared/contract/uploads.ts';
import { beginUpload, getVersion } from '../../../shared/contract/versions.ts';
import { limits } from '../../../shared/limits.ts';
import type { Caller } from '../../../shared/records/caller.ts';
import { newId } from '../../../shared/records/commit.ts';
import { inspect } from '../../../shared/upload-validation/inspect.ts';
import { calls } from '../../authorization/calls.ts';
import { callFixture } from '../../authorization/fixture.ts';
import { sendCall } from '../../authorization/send-call.ts';
import { storeTrainingInputs, submitTraining } from '../../support/interrupted-training.ts';
import { writeRandomBase } from '../../support/random-base.ts';
import { announce, pushVersion, sendFiles, tinyAdapter, type NamedBytes } from '../../support/send-upload.ts';
import { startSmallHub, type SmallHub } from '../../support/small-hub.ts';
import { tinyBaseConfig, writeTinyBase } from '../../support/tiny-base.ts';
import { driftOf, type Recording } from '../rights/recorder.ts';
import { expireUpload, makePurgesDue, makeSealDue } from '../rights/due.ts';
import type { WireAnswer } from '../rights/gateway.ts';
import { openRightsPlatform, type RightsPlatform } from '../rights/rights-platform.ts';
import { readEndpoints, theTable } from '../targets.ts';

const endpoints = readEndpoints();
const { emulator, dynamo } = theTable(endpoints);
const s3 = endpoints.blobs['versitygw'] ?? endpoints.blobs['given'] ?? '';
const events = Object.values(endpoints.events)[0] ?? '';
const signingKeys = Object.values(endpoints.keys)[0] ?? '';
const recordingFile = new URL('../../infra/recorded-calls.json', import.meta.url);

let folder = '';
let hub: SmallHub;
let platform: RightsPlatform;
let key = '';
let client: ApiClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-rights-models-'));
  await writeTinyBase(join(folder, 'large'));
  // more than a file that is sent at once
  await writeRandomBase(join(folder, 'large'), { ...tinyBaseConfig, vocab_size: 360_000 });
  hub = await startSmallHub({ 'owner/large': { commit: 'c'.repeat(40), files: await filesIn(join(folder, 'large')) } });
  platform = await openRightsPlatform({ endpoints: { dynamo, s3, events, keys: signingKeys }, hubUrl: hub.url });
  key = await administrate('create-team');
  client = platform.client(key);
  await storeTrainingInputs(platform.world, caller(), join(folder, 'tiny'));
});
afterAll(async () => {
  await platform.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

const caller = (): Caller => ({ team: 'blue', keyId: 'test', scopes: [], requestId: newId(platform.world, 'req') });

async function administrate(action: string): Promise<string> {
  const answer = (await platform.functions.admin.invoke({ action, team: 'blue' })) as AdminAnswer; // as its handler says
  if (!answer.ok) return answer.code;
  return 'key' in answer ? answer.key : '';
}

async function filesIn(path: string): Promise<NamedBytes> {
  const read = async (name: string) => [name, new Uint8Array(await readFile(join(path, name)))] as const;
  return Object.fromEntries(await Promise.all((await readdir(path)).map(read)));
}

/** Nothing starts until `work` is over. */
async function withoutMachines<T>(work: () => Promise<T>): Promise<T> {
  const before = { ...platform.slots };
  for (const queue of Object.keys(before)) platform.slots[queue] = 0;
  try {
    return await work();
  } finally {
    Object.assign(platform.slots, before);
  }
}

const reconcile = (): Promise<unknown> => platform.functions.reconciler.invoke({});
const tellJobEvents = (jobId: string): Promise<unknown> =>
  platform.functions['job-events'].invoke({ source: 'lorary', detail: { type: 'run-changed', jobId, team: 'blue' } });

const jobThat = (jobId: string, is: (job: Job) => boolean): Promise<Job> =>
  platform.until(`the job ${jobId}`, async () => {
    const job = await client.call(getJob, { params: { job: jobId } });
    return is(job) && job;
  });
const hasState =
  (state: Job['state']) =>
  (job: Job): boolean =>
    job.state === state;
const isTraining = ({ progress }: Job): boolean => progress?.unit === 'steps' && progress.done >= 5;

/** What a service answers to what it does not take. */
const refusal = (status: number, code: string): WireAnswer => ({
  status,
  headers: { 'content-type': 'application/json', 'x-amzn-errortype': code },
  body: Buffer.from(JSON.stringify({ message: 'refused by the test' })),
});
/** The same in the words of S3. */
const refusalOfBlobs = (status: number, code: string): WireAnswer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: Buffer.from(`<Error><Code>${code}</Code><Message>refused by the test</Message></Error>`),
});

/** An upload is completed, and the answer does not come. */
const unansweredCompletion = (asker: string): Promise<void> =>
  platform.meddle({
    asker,
    action: 's3:PutObject',
    matches: ({ method, path }) => method === 'POST' && path.includes('uploadId='),
    async around(pass) {
      await pass();
      return refusalOfBlobs(503, 'ServiceUnavailable');
    },
  });

/** A job that is cancelled while it is submitted, which whoever submits it sees afterwards. */
async function cancelledMeanwhile(asker: string, submit: () => Promise<unknown>): Promise<void> {
  await withoutMachines(async () => {
    const meddled = platform.meddle({
      asker,
      action: 'batch:SubmitJob',
      async around(pass) {
        const answer = await pass();
        const [newest] = (await client.call(listJobs, { query: { limit: 1 } })).items;
        await client.call(cancelJob, { params: { job: newest?.id ?? '' } });
        return answer;
      },
    });
    await Promise.all([meddled, submit()]);
    expect(platform.batch.jobs.at(-1)?.detail).toMatchObject({ status: 'FAILED', statusReason: 'It was cancelled.' });
  });
}

async function uploadedBase(name: string): Promise<() => Promise<unknown>> {
  const files = await filesIn(join(folder, 'tiny'));
  const { upload } = await client.call(createBase, {
    body: { name, source: { kind: 'upload', files: announce(files) } },
  });
  if (!upload) throw new Error('files are to be sent');
  await sendFiles(platform, client, upload, files);
  return () => client.call(completeUpload, { params: { upload: upload.id } });
}

const fromHub = (name: string) =>
  client.call(createBase, { body: { name, source: { kind: 'huggingface', repository: 'owner/large' } } });

/** What a stage cannot do: a function has no model at hand. */
const notOnAws: Readonly<Record<string, number>> = { generateText: 501 };

describe(emulator, () => {
  test('rights: a team is made once, and gets another key', async () => {
    expect(await administrate('create-team')).toBe('team-exists');
    expect(platform.client(await administrate('create-key')).url).toBe(client.url);
  });

  test('rights: each operation is answered by the function that it comes to', async () => {
    await withoutMachines(async () => {
      const fixture = callFixture({ ...platform, caller }, client);
      for (const operation of operations) {
        const call = await calls[operation.operationId]?.(fixture);
        const { status, text } = await sendCall(platform, client.url, operation, call ?? {}, `Bearer ${key}`);
        const wanted = notOnAws[operation.operationId] ?? operation.status;
        expect([operation.operationId, status, status === wanted ? '' : text]).toEqual([
          operation.operationId,
          wanted,
          '',
        ]);
      }
      await platform.settle();
    });
  });

  test('rights: room that was made for files is given back when it is not needed', async () => {
    const [file] = announce({ 'data.jsonl': new Uint8Array(10) });
    if (!file) throw new Error('one file is announced');
    const twice = () => client.call(createDataset, { body: { name: 'twice', file } });
    const meddled = platform.meddle({
      asker: 'catalog',
      action: 's3:PutObject',
      async around(pass) {
        const answer = await pass();
        await twice();
        return answer;
      },
    });
    await expect(Promise.all([twice(), meddled])).rejects.toMatchObject({ code: 'name-taken' });

    const body = { base: 'tiny', files: announce(await tinyAdapter()) };
    const { upload } = await client.call(beginUpload, { params: { adapter: 'late' }, body });
    await expireUpload(platform.world, 'blue', upload.id);
    await reconcile();
    await platform.until('the end of the upload', async () => {
      const { state } = await client.call(getUpload, { params: { upload: upload.id } });
      return state === 'aborted';
    });
  });

  test('rights: whoever submits a job ends it when it was cancelled meanwhile', async () => {
    await cancelledMeanwhile('catalog', () => fromHub('cancelled-1'));
    await cancelledMeanwhile('adapters', await uploadedBase('cancelled-2'));
    // the function that was told of the end of the upload cannot join its parts: the validator does
    const complete = await uploadedBase('cancelled-3');
    await cancelledMeanwhile('validator', async () => {
      const action = 's3:PutObject';
      const meddled = platform.meddle({
        asker: 'adapters',
        action,
        around: async () => refusalOfBlobs(400, 'InvalidRequest'),
      });
      await Promise.all([expect(complete()).rejects.toMatchObject({ status: 500 }), meddled]);
      const unanswered = unansweredCompletion('validator');
      await reconcile();
      await unanswered;
      await platform.settle();
    });
    await cancelledMeanwhile('jobs', () => submitTraining(client, 'cancelled', 1));
  });

  test('rights: bases are imported, a large one though a part of it did not arrive', async () => {
    const meddled = platform.meddle({
      asker: 'job-data',
      action: 's3:PutObject',
      matches: ({ path }) => path.includes('partNumber=2'),
      around: async () => refusalOfBlobs(400, 'InvalidRequest'),
    });
    await fromHub('large');
    await meddled;
    const complete = await uploadedBase('sent');
    await Promise.all([unansweredCompletion('adapters'), complete()]);
    for (const base of ['large', 'sent'])
      await platform.until(`the base ${base}`, async () => {
        const { state } = await client.call(getBase, { params: { base } });
        return state === 'ready';
      });
  });

  test('rights: a training is cancelled, resumed and taken its machine, and publishes', async () => {
    const looked = platform.meddle({
      asker: 'job',
      action: 'lambda:InvokeFunction',
      async around(pass) {
        // a container that runs and has not said a word
        for (const { detail } of platform.batch.jobs)
          if (detail.status === 'RUNNING') await tellJobEvents(detail.parameters?.['job'] ?? '');
        await reconcile();
        return pass();
      },
    });
    const jobId = await submitTraining(client, 'trained', 80);
    await looked;
    await jobThat(jobId, isTraining);
    await client.call(cancelJob, { params: { job: jobId } });
    await jobThat(jobId, hasState('cancelled'));
    await client.call(resumeJob, { params: { job: jobId } });
    await jobThat(jobId, (job) => job.state === 'running' && isTraining(job));
    platform.batch.jobs.findLast(({ detail }) => detail.status === 'RUNNING')?.reclaim();
    expect(await jobThat(jobId, hasState('succeeded'))).toMatchObject({ output: { adapter: 'trained', version: 1 } });
    const version = await client.call(getVersion, { params: { adapter: 'trained', version: 'latest' } });
    expect(version).toMatchObject({ state: 'published' });
    const body = { kind: 'evaluate', base: 'tiny', adapter: 'trained', dataset: 'sums' } as const;
    const { job } = await client.call(createJob, { body });
    await jobThat(job?.id ?? '', hasState('succeeded'));
  });

  test('rights: a large upload is validated by a container', async () => {
    const { world } = platform;
    const meddled = platform.meddle({
      asker: 'adapters',
      action: 'events:PutEvents',
      async around(pass) {
        // as the function would with a smaller bound
        const errors: unknown[] = [];
        const deps = { world, inspect, jobAboveBytes: 1 };
        await createValidator(deps, { onError: (error) => errors.push(error) }).sweep();
        expect(errors).toEqual([]);
        return pass();
      },
    });
    const files = await tinyAdapter(1, tinyBaseConfig.hidden_size);
    await Promise.all([meddled, pushVersion(platform, client, 'validated', { files })]);
    const [job] = (await client.call(listJobs, { query: { kind: 'validate-upload' } })).items;
    await jobThat(job?.id ?? '', hasState('succeeded'));
    const version = await client.call(getVersion, { params: { adapter: 'validated', version: 'latest' } });
    expect(version).toMatchObject({ state: 'published' });
  });

  test('rights: an hour of the audit that is over is sealed, by a signature', async () => {
    await makeSealDue(platform.world, caller());
    await reconcile();
    const [seal] = (await client.call(listAuditSeals, {})).items;
    expect(seal).toMatchObject({ statement: { rows: 1 }, signature: { keyId: platform.signingKey.keyId } });
  });

  test('rights: a submission that Batch did not take is made again by whoever looks after jobs', async () => {
    const complete = await uploadedBase('again');
    const importAgain = async (): Promise<string> => {
      await complete();
      return (await client.call(getBase, { params: { base: 'again' } })).importJobId ?? '';
    };
    const train = (): Promise<string> => submitTraining(client, 'again', 1);
    for (const [asker, make, look] of [
      ['jobs', train, tellJobEvents],
      ['jobs', train, reconcile],
      ['adapters', importAgain, reconcile],
    ] as const) {
      const refused = { asker, action: 'batch:SubmitJob', around: async () => refusal(400, 'ThrottlingException') };
      const meddled = Promise.all(Array.from({ length: limits.awsTriesMax }, () => platform.meddle(refused)));
      const before = platform.batch.jobs.length;
      const jobId = await make();
      await meddled;
      expect(platform.batch.jobs).toHaveLength(before);
      await look(jobId);
      await jobThat(jobId, hasState('succeeded'));
    }
  });

  test('rights: a wish to cancel that did not arrive is told again', async () => {
    const jobId = await submitTraining(client, 'stopped', 400);
    await jobThat(jobId, isTraining);
    for (const asker of ['jobs', 'job-events'])
      void platform.meddle({
        asker,
        action: 'batch:TerminateJob',
        around: async () => refusal(400, 'ClientException'),
      });
    await client.call(cancelJob, { params: { job: jobId } });
    await tellJobEvents(jobId);
    await reconcile();
    await jobThat(jobId, hasState('cancelled'));
  });

  test('rights: what was deleted, refused or left goes when its time has come', async () => {
    await client.call(createAdapter, { body: { name: 'gone', base: 'tiny' } });
    await pushVersion(platform, client, 'gone');
    await platform.settle();
    await client.call(deleteAdapter, { params: { adapter: 'gone' } });
    for (let left = Infinity, tries = 0; left > 0 && tries < 5; tries += 1) {
      left = await makePurgesDue(platform.world);
      await reconcile();
    }
    expect(await makePurgesDue(platform.world)).toBe(0);
  });

  test('rights: what was called is what is recorded in test/infra/recorded-calls.json', async () => {
    const now = platform.recorder.recording;
    if (process.env['LORARY_RECORD'] === '1') await writeFile(recordingFile, `${JSON.stringify(now, undefined, 2)}\n`);
    const recorded = JSON.parse(await readFile(recordingFile, 'utf8')) as Recording;
    // LORARY_RECORD=1 npm run test:aws -- rights: records it anew
    expect(driftOf(recorded, now)).toEqual([]);
  });
});
