import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { allHandlers } from '../../functions/dev-server/all-handlers.ts';
import { createApi } from '../../functions/http/create-api.ts';
import { sweep } from '../../functions/job-events/sweep.ts';
import { inspect } from '../../shared/upload-validation/inspect.ts';
import { createValidator } from '../../functions/validator/validator.ts';
import { environmentNames, type JobClass } from '../../shared/aws/environment.ts';
import { createApiClient, type ApiClient } from '../../shared/contract/api-client.ts';
import { getJob, type Job } from '../../shared/contract/jobs.ts';
import { scopes } from '../../shared/contract/scopes.ts';
import type { Pace } from '../../shared/aws/attempts.ts';
import { hasEnded } from '../../shared/domain/job-states.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { apiKeyWrite, makeKeyText, newApiKey } from '../../shared/records/api-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { newId } from '../../shared/records/commit.ts';
import { startBatchEndpoint, type BatchEndpoint, type BatchEndpointOptions } from './batch-endpoint.ts';
import { openAwsSuiteWorld, type AwsSuiteWorld } from './open-aws.ts';
import { emulatorKey, emulatorSecret } from './targets.ts';

export interface AwsPlatform {
  readonly world: AwsSuiteWorld['aws'];
  readonly batch: BatchEndpoint;
  /** Of containers that start from now on. */
  readonly environment: Record<string, string>;
  /** Answers API calls; what else is asked goes over the network. */
  readonly fetch: (url: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** A new key of a team. */
  readonly key: (team?: string) => Promise<string>;
  readonly client: (team?: string) => Promise<ApiClient>;
  readonly caller: (team?: string) => Caller;
  /** Validates what was sent. */
  readonly settle: () => Promise<void>;
  /** Looks after the jobs until this one is in a state that `until` takes; throws after a minute and a half. `look`: instead of the sweep. */
  readonly waitFor: (
    client: ApiClient,
    jobId: string,
    until?: (job: Job) => boolean,
    look?: () => Promise<void>,
  ) => Promise<Job>;
  readonly close: () => Promise<void>;
}

export interface AwsPlatformOptions {
  /** Of uploads that a job validates; absent: none. */
  readonly jobAboveBytes?: number;
  /** Told of each change of a job of Batch, as EventBridge is. */
  readonly onChange?: BatchEndpointOptions['onChange'];
  /** Where Batch answers for the platform: something that stands in front of it. */
  readonly before?: (batchUrl: string) => Promise<string>;
  /** Of the platform itself; a container has its own. */
  readonly pace?: Pace;
  /** Containers on GPUs at once. */
  readonly gpuSlots?: number;
}

export const awsJobClasses: readonly JobClass[] = [
  { queue: 'cpu', jobDefinition: 'cpu-job' },
  { queue: 'gpu-24', jobDefinition: 'gpu-job', gpuMemoryBytes: 24e9 },
];

const url = 'https://lorary.test';
const main = fileURLToPath(new URL('../../gpu-job/main.ts', import.meta.url));

/**
 * The whole platform on emulators of AWS. A job is a process that has nothing but the environment of its job definition, as its container
 * would, and finds the table and the bucket by it.
 */
export async function openAwsPlatform(
  endpoints: { readonly dynamo: string; readonly s3: string; readonly events: string },
  options: AwsPlatformOptions = {},
): Promise<AwsPlatform> {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-aws-platform-'));
  const environment: Record<string, string> = {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: emulatorKey,
    AWS_SECRET_ACCESS_KEY: emulatorSecret,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamo,
    AWS_ENDPOINT_URL_S3: endpoints.s3,
    AWS_ENDPOINT_URL_EVENTBRIDGE: endpoints.events,
    NODE_NO_WARNINGS: '1',
    // tests share the cores, and threads that wait for each other cost more than they bring
    LORARY_JOB_THREADS: '1',
    [environmentNames.work]: join(folder, 'work', '{job}'),
  };
  const command = ['--job', 'Ref::job', '--team', 'Ref::team', '--run', 'Ref::run'];
  const definition = { entrypoint: [process.execPath, '--import', 'tsx', main], command, environment };
  const batch = await startBatchEndpoint({
    definitions: { 'cpu-job': definition, 'gpu-job': definition },
    queues: { cpu: 1, 'gpu-24': options.gpuSlots ?? 1 },
    folder,
    graceSeconds: 20,
    ...(options.onChange ? { onChange: options.onChange } : {}),
  });
  const suite = await openAwsSuiteWorld({
    endpoints: { ...endpoints, batch: (await options.before?.(batch.url)) ?? batch.url },
    ...(options.pace ? { pace: options.pace } : {}),
    jobClasses: awsJobClasses,
  }).catch(async (error: unknown) => {
    await batch.close();
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  environment[environmentNames.table] = suite.tableName;
  environment[environmentNames.bucket] = suite.tableName;
  environment[environmentNames.eventBus] = 'default';

  const world = suite.aws;
  const errors: unknown[] = [];
  const onError = (error: unknown): void => {
    // that something is away is no bug
    if (!(error instanceof UnavailableError)) errors.push(error);
  };
  const api = createApi({ world }, allHandlers, { onError });
  const validator = createValidator({ world, inspect, jobAboveBytes: options.jobAboveBytes ?? Infinity }, { onError });
  const send: AwsPlatform['fetch'] = async (input, init) => {
    const request = new Request(input, init);
    return request.url.startsWith(url) ? api.fetch(request) : fetch(input, init);
  };
  const key: AwsPlatform['key'] = async (team = 'blue') => {
    const made = makeKeyText((count) => world.randomBytes(count));
    const record = newApiKey(made, { team, name: 'test', scopes, createdBy: made.keyId, now: world.now() });
    await world.table.transact([apiKeyWrite(record)], { token: newId(world, 'tok') });
    return made.text;
  };
  const logs = async (): Promise<string> =>
    (await Promise.all(batch.jobs.map((job) => readFile(batch.logPath(job), 'utf8').catch(() => '')))).join('\n');

  return {
    world,
    batch,
    environment,
    fetch: send,
    key,
    async client(team) {
      const wait = async (): Promise<void> => undefined;
      return createApiClient({ url, key: await key(team), fetch: send, newId: () => newId(world, 'idem'), wait });
    },
    caller: (team = 'blue') => ({ team, keyId: 'test', scopes, requestId: newId(world, 'req') }),
    settle: () => validator.sweep(),
    async waitFor(client, jobId, until = ({ state }) => hasEnded(state), look) {
      for (const begin = Date.now(); ;) {
        await (look ? look() : sweep(world, { log: (_, error) => onError(error) }).catch(onError));
        const job = await client.call(getJob, { params: { job: jobId } });
        if (until(job)) return job;
        if (Date.now() - begin > 90_000)
          throw new Error(`the job stays ${job.state}: ${job.reason} ${errors.join()}\n${await logs()}`);
        await setTimeout(100);
      }
    },
    async close() {
      await suite.close();
      await batch.close();
      await rm(folder, { recursive: true, force: true });
      if (errors.length > 0) throw new AggregateError(errors, `there were ${errors.length} bugs: ${errors.join('; ')}`);
    },
  };
}
