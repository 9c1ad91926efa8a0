import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { DeleteItemCommand, DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { DeleteObjectCommand, GetObjectCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { expect } from 'vitest';
import { defaultPace } from '../../../shared/aws/attempts.ts';
import { S3Blobs } from '../../../shared/aws/s3-blobs.ts';
import type { Dataset } from '../../../shared/contract/datasets.ts';
import { getJob, type Job } from '../../../shared/contract/jobs.ts';
import { hasEnded } from '../../../shared/domain/job-states.ts';
import { failureOf } from '../../platform-suite/suite.ts';
import type { BatchJob } from '../batch-job.ts';
import { accountId, region } from '../targets.ts';
import { invoke } from './account.ts';
import { batchEvent, runSchedule } from './deliver-event.ts';
import { told } from './flow-cases.ts';
import type { Site, StackCase } from './site.ts';

/** Containers, whose machines die, and what they may reach. */
export const jobCases: readonly StackCase[] = [
  {
    name: 'jobs: a container reaches the records and files of its team alone, and only its run has these rights',
    async run(site) {
      const { account, running } = site;
      const { job, container } = await startTraining(site, 'narrow', 2000);
      const { parameters = {} } = container.detail;
      const run = { team: parameters['team'], jobId: parameters['job'], runId: parameters['run'] };
      expect(await invoke(account.lambda, credentialsFunction, { ...run, runId: 'run_other' })).toMatchObject({
        ok: false,
      });
      const given = (await invoke(account.lambda, credentialsFunction, run)) as { credentials: Keys };
      const common = { region, endpoint: account.endpoint.url, credentials: given.credentials, maxAttempts: 1 };
      const [dynamo, s3] = [new DynamoDBClient(common), new S3Client({ ...common, forcePathStyle: true })];
      const item = (pk: string) => ({ TableName: table, Key: { pk: { S: pk }, sk: { S: 'x' } } });
      const list = (team: string) => new ListObjectVersionsCommand({ Bucket: bucket, Prefix: `${team}/` });

      // each refusal stands beside what is allowed
      await dynamo.send(new GetItemCommand(item('blue#x')));
      expect(await refusal(dynamo.send(new GetItemCommand(item('red#x'))))).toMatch(/AccessDenied/);
      const [own] = (await s3.send(list('blue'))).Versions ?? [];
      const found = { Bucket: bucket, Key: own?.Key ?? '', VersionId: own?.VersionId };
      await s3.send(new GetObjectCommand(found));
      expect(await refusal(s3.send(list('red')))).toMatch(/AccessDenied/);
      expect(await refusal(s3.send(new GetObjectCommand({ ...found, Key: 'red/x' })))).toMatch(/AccessDenied/);
      // S3 tells nobody who may not list the whole bucket that something is not there
      const missing = { ...found, VersionId: 'v1' };
      expect(await refusal(s3.send(new GetObjectCommand(missing)))).toMatch(/AccessDenied/);
      const blobs = new S3Blobs({
        client: s3,
        bucket,
        now: Date.now,
        randomBytes,
        pace: { ...defaultPace, triesMax: 1 },
      });
      expect(await blobs.head({ key: missing.Key, versionId: 'v1' })).toBeUndefined();
      expect(await refusal(blobs.head({ key: 'red/x', versionId: 'v1' }))).not.toMatch(/no-such-blob/);
      // rows of the audit are final, for the team's own containers too
      await dynamo.send(new DeleteItemCommand(item('blue#note#x')));
      expect(await refusal(dynamo.send(new DeleteItemCommand(item('blue#audit#x'))))).toMatch(/AccessDenied/);
      // the bucket wants TLS of everybody
      wireWithoutTls(s3);
      expect(await refusal(s3.send(list('blue')))).toMatch(/AccessDenied/);
      await site.anna.json(['cancel', job.id]);
      await ended(site, job.id);
      expect(await invoke(account.lambda, credentialsFunction, run)).toMatchObject({ ok: false, code: 'no-such-run' });
      expect(running.errors).toEqual([]);
    },
  },
  {
    name: 'jobs: the role that holds the data of all teams is for the function that narrows it, and for nobody else',
    async run({ account }) {
      const RoleArn = `arn:aws:iam::${accountId}:role/lorary-suite-job-data`;
      const asked = account.sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'owner' }));
      expect(await refusal(asked)).toMatch(/AccessDenied/);
    },
  },
  {
    name: 'jobs: rows whose bytes somebody has deleted from the bucket end a job at once, by their name',
    async run({ account, anna, api }) {
      await writeFile(join(anna.folder, 'lost.jsonl'), '{"prompt":"1 and 1 is","completion":" 2."}\n');
      const { dataset } = await anna.json<{ dataset: Dataset }>(['data', 'push', 'lost.jsonl']);
      const listed = new ListObjectVersionsCommand({ Bucket: bucket, Prefix: `blue/datasets/${dataset.id}` });
      for (const { Key = '', VersionId } of (await account.s3.send(listed)).Versions ?? [])
        await account.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId }));
      const args = 'train --base tiny --data lost --output lost --steps 1 --json'.split(' ');
      const trained = await anna.run(args);
      const { job } = JSON.parse(trained.out) as { job: Job };
      expect([trained.code, job.state, job.attempt]).toEqual([2, 'failed', 1]);
      const { findings } = await api.call(getJob, { params: { job: job.id } });
      expect(findings).toMatchObject([{ severity: 'error', code: 'no-such-blob' }]);
    },
  },
  {
    name: 'jobs: a machine that is taken away costs a job nothing but time: the end of its container has it go on in another one',
    async run(site) {
      const { job, container } = await startTraining(site, 'taken', 60);
      container.reclaim();
      expect(await ended(site, job.id)).toMatchObject({ state: 'succeeded', attempt: 2, output: { version: 1 } });
    },
  },
  {
    name: 'jobs: an end that nobody told is found by the reconciler when its schedule calls it',
    async run(site) {
      const { account, running, api } = site;
      running.tellsEnds = false;
      const { job, container } = await startTraining(site, 'silent', 60);
      container.reclaim();
      expect(await api.call(getJob, { params: { job: job.id } })).toMatchObject({ state: 'running', attempt: 1 });
      running.tellsEnds = true;
      expect(await runSchedule(account)).toEqual([expect.stringMatching(/:lorary-suite-reconciler$/)]);
      expect(await ended(site, job.id)).toMatchObject({ state: 'succeeded', attempt: 2, output: { version: 1 } });
    },
  },
  {
    name: 'jobs: the end of a container is put on the bus by who runs it',
    words: /NotAuthorizedForSource/,
    async run({ account, running }) {
      const [done] = running.batch.jobs;
      if (!done) throw new Error('no job has run');
      const { source, detail, ['detail-type']: type } = batchEvent(done.detail) as Record<string, string>;
      const entry = { Source: source, DetailType: type, Detail: JSON.stringify(detail) };
      const { Entries } = await account.events.send(new PutEventsCommand({ Entries: [entry] }));
      expect(Entries?.[0]?.ErrorCode).toBeUndefined();
    },
  },
];

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

const credentialsFunction = 'lorary-suite-job-credentials';
const table = 'lorary-suite';
const bucket = `lorary-suite-${accountId}-${region}`;

const refusal = async (work: Promise<unknown>): Promise<string> => String(await failureOf(work));

/** Has a client say what a server in front would say of a call that came to it without TLS. */
function wireWithoutTls(client: S3Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const { headers } = args.request as { headers: Record<string, string> }; // HTTP is the only way to S3
      headers['x-forwarded-proto'] = 'http';
      return next(args);
    },
    { step: 'build' },
  );
}

/** Begins a training of the base `tiny` that lasts, and waits until its container has made some steps. */
async function startTraining(site: Site, adapter: string, steps: number): Promise<{ job: Job; container: BatchJob }> {
  const { anna, api, running } = site;
  const args = `train --base tiny --data sums.jsonl --output ${adapter} --steps ${steps} --checkpoint-seconds 0.2 --detach`;
  const { job } = await anna.json<{ job: Job }>(args.split(' '));
  for (const begin = Date.now(); ; await setTimeout(200)) {
    const now = await api.call(getJob, { params: { job: job.id } });
    const container = running.batch.jobs.find(({ detail }) => detail.parameters?.['job'] === job.id);
    if (container && now.state === 'running' && now.progress?.unit === 'steps' && now.progress.done >= 2)
      return { job: now, container };
    if (container?.isOver || Date.now() - begin > 300_000) throw new Error(await told(running, `it is ${now.state}`));
  }
}

async function ended({ api, running }: Site, jobId: string): Promise<Job> {
  for (const begin = Date.now(); ; await setTimeout(200)) {
    const job = await api.call(getJob, { params: { job: jobId } });
    if (hasEnded(job.state)) return job;
    if (Date.now() - begin > 300_000) throw new Error(await told(running, `it stays ${job.state}`));
  }
}
