import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { JobDetail } from '@aws-sdk/client-batch';
import { functionGroups, type FunctionName } from '../../../infra/function-groups.ts';
import { namesOf } from '../../../infra/names.ts';
import { environmentNames } from '../../../shared/aws/environment.ts';
import type { AwsWorld } from '../../../shared/aws/aws-world.ts';
import { createApiClient, type ApiClient } from '../../../shared/contract/api-client.ts';
import type { SigningKey } from '../../../shared/platform/ports.ts';
import { newId } from '../../../shared/records/commit.ts';
import { synthStage } from '../../infra/synth-stage.ts';
import { startBatchEndpoint, type BatchEndpoint } from '../batch-endpoint.ts';
import { openAwsSuiteWorld } from '../open-aws.ts';
import { makeSigningKey } from '../signing-key.ts';
import { emulatorKey, emulatorSecret } from '../targets.ts';
import { startGateway, type Gateway, type WireAnswer } from './gateway.ts';
import type { WireRequest } from './calls-of-request.ts';
import { lambdaApi } from './lambda-api.ts';
import { Recorder } from './recorder.ts';
import { roleCredentials } from './role-credentials.ts';
import { startLambda, type RunningLambda } from './start-lambda.ts';

/** Comes between one call and its answer. */
export interface Meddler {
  readonly asker: string;
  readonly action: string;
  readonly matches?: (request: WireRequest) => boolean;
  readonly around: (pass: () => Promise<WireAnswer>) => Promise<WireAnswer>;
}

export interface RightsPlatform {
  /** Of the test itself; its calls are not recorded. */
  readonly world: AwsWorld;
  /** What the platform signs with. */
  readonly signingKey: SigningKey;
  readonly recorder: Recorder;
  readonly batch: BatchEndpoint;
  /** How many jobs each queue runs at once; may be changed. */
  readonly slots: Record<string, number>;
  readonly functions: Readonly<Record<FunctionName, RunningLambda>>;
  /** Answers API calls by the functions; what else is asked goes over the network. */
  readonly fetch: (url: string | URL | Request, init?: RequestInit) => Promise<Response>;
  client(key: string): ApiClient;
  /** Resolves when it has meddled. */
  meddle(meddler: Meddler): Promise<void>;
  /** Meddles with each such call until what it returns is called. */
  meddleAlways(meddler: Meddler): () => void;
  /** What went wrong where nobody waits for an answer; a test that means to cause some takes them away. */
  readonly errors: unknown[];
  /** Resolves when nobody works on an event. */
  settle(): Promise<void>;
  /** Looks every moment, and lets the events be worked on, until there is something; throws after two minutes. */
  until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T>;
  close(): Promise<void>;
}

export interface RightsPlatformOptions {
  readonly endpoints: {
    readonly dynamo: string;
    readonly s3: string;
    readonly events: string;
    /** Where the key is that the template names. */
    readonly keys: string;
  };
  /** Where Hugging Face is. */
  readonly hubUrl: string;
}

const url = 'https://lorary.test';
const main = fileURLToPath(new URL('../../../gpu-job/main.ts', import.meta.url));
const region = 'us-east-1';

/**
 * The platform as it is deployed: each function a process of its own with the environment that the template gives it, jobs with nothing but
 * a role that may ask for credentials. Each has a way to AWS of its own, which records what it asks for.
 */
export async function openRightsPlatform({ endpoints, hubUrl }: RightsPlatformOptions): Promise<RightsPlatform> {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-rights-'));
  const environments = deployedEnvironments();
  const { queues } = environments;
  const slots = Object.fromEntries(queues.map((queue) => [queue.queue, 1]));
  const jobEnvironment: Record<string, string> = {};
  const definition = {
    entrypoint: [process.execPath, '--import', 'tsx', main],
    command: ['--job', 'Ref::job', '--team', 'Ref::team', '--run', 'Ref::run'],
    environment: jobEnvironment,
  };
  const functions = {} as Record<FunctionName, RunningLambda>; // filled below
  const pending = new Set<Promise<unknown>>();
  const errors: unknown[] = [];
  const deliver = (name: FunctionName, event: unknown): void => {
    const work = functions[name]
      .invoke(event)
      .catch((error: unknown) => errors.push(error))
      .finally(() => pending.delete(work));
    pending.add(work);
  };
  const batch = await startBatchEndpoint({
    definitions: Object.fromEntries(queues.map(({ jobDefinition }) => [jobDefinition, definition])),
    queues: slots,
    folder,
    graceSeconds: 20,
    onChange: (detail: JobDetail) => {
      if (detail.status === 'SUCCEEDED' || detail.status === 'FAILED')
        deliver('job-events', { source: 'aws.batch', 'detail-type': 'Batch Job State Change', detail });
    },
  });
  const suite = await openAwsSuiteWorld({ endpoints: { ...endpoints, batch: batch.url }, jobClasses: queues });
  const signingKey = await makeSigningKey(endpoints.keys, namesOf({ stage: 'dev' }).signingKey);
  const recorder = new Recorder();
  const meddlers: (Meddler & { readonly done: () => void })[] = [];
  const always = new Set<Meddler>();
  const gateways: Gateway[] = [];
  const openWay = async (askerOf: (request: WireRequest) => string): Promise<Record<string, string>> => {
    const gateway = await startGateway({
      upstreams: {
        dynamodb: endpoints.dynamo,
        s3: endpoints.s3,
        events: endpoints.events,
        kms: endpoints.keys,
        batch: batch.url,
      },
      own: {
        sts: async () => roleCredentials(),
        lambda: async ({ path, body }) => {
          const name = path.includes('lorary-dev-signer') ? 'signer' : 'job-credentials';
          const answer = await functions[name].invoke(JSON.parse(Buffer.from(body).toString()));
          return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(answer)) };
        },
      },
      async around(calls, request, pass) {
        const asker = askerOf(request);
        for (const call of calls) recorder.note(asker, call);
        const isMeant = ({ asker: whose, action, matches }: Meddler): boolean =>
          whose === asker && action === calls[0]?.action && (matches?.(request) ?? true);
        const at = meddlers.findIndex(isMeant);
        const [meddler] = at < 0 ? [] : meddlers.splice(at, 1);
        const { around } = meddler ?? [...always].find(isMeant) ?? {};
        const answer = await (around ? around(pass) : pass());
        meddler?.done();
        if (calls[0]?.action === 'events:PutEvents' && answer.status === 200) deliverEvents(request, deliver);
        return answer;
      },
      onError: (error) => void errors.push(error),
    });
    gateways.push(gateway);
    return {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: emulatorKey,
      AWS_SECRET_ACCESS_KEY: emulatorSecret,
      AWS_ENDPOINT_URL: gateway.url,
      AWS_EC2_METADATA_DISABLED: 'true',
      NODE_NO_WARNINGS: '1',
      [environmentNames.table]: suite.tableName,
      [environmentNames.bucket]: suite.tableName,
      [environmentNames.eventBus]: 'default',
    };
  };
  Object.assign(
    jobEnvironment,
    await openWay(({ headers }) => (headers['x-amz-security-token'] === undefined ? 'job' : 'job-data')),
    {
      [environmentNames.credentialsFunction]: 'lorary-dev-job-credentials',
      [environmentNames.signerFunction]: 'lorary-dev-signer',
      [environmentNames.work]: join(folder, 'work'),
      LORARY_JOB_THREADS: '1',
      HF_ENDPOINT: hubUrl,
    },
  );
  await Promise.all(
    (Object.keys(functionGroups) as FunctionName[]).map(async (name) => {
      const way = await openWay(() => name);
      const environment = { ...environments.of(name), ...way, LORARY_TEST_HUB: hubUrl };
      functions[name] = await startLambda(name, { environment, log: join(folder, `${name}.txt`) });
    }),
  );
  const api = lambdaApi(functions);
  const send: RightsPlatform['fetch'] = async (input, init) => {
    const request = new Request(input, init);
    return request.url.startsWith(url) ? api(request) : fetch(input, init);
  };
  const settle = async (): Promise<void> => {
    while (pending.size > 0) await Promise.all(pending);
  };
  const world = suite.aws;
  return {
    world,
    signingKey,
    recorder,
    batch,
    slots,
    functions,
    fetch: send,
    client: (key) =>
      createApiClient({ url, key, fetch: send, newId: () => newId(world, 'idem'), wait: async () => undefined }),
    meddle: (meddler) => new Promise((done) => meddlers.push({ ...meddler, done })),
    meddleAlways(meddler) {
      always.add(meddler);
      return () => void always.delete(meddler);
    },
    errors,
    settle,
    async until(what, look) {
      for (const begin = Date.now(); ;) {
        await settle();
        const found = await look();
        if (found !== undefined && found !== false) return found;
        if (Date.now() - begin > 120_000)
          throw new Error(`${what} did not come: ${errors.join()}\n${await logs(batch)}`);
        await setTimeout(100);
      }
    },
    async close() {
      await settle();
      await batch.close();
      await settle();
      for (const one of Object.values(functions)) await one.close();
      for (const gateway of gateways) await gateway.close();
      await suite.close();
      await rm(folder, { recursive: true, force: true });
      if (errors.length > 0) throw new AggregateError(errors, `there were ${errors.length} bugs: ${errors.join('; ')}`);
    },
  };
}

/** What the template tells each function, and the queues that it names. */
function deployedEnvironments() {
  const variables = new Map(
    synthStage()
      .ofType('AWS::Lambda::Function')
      .map(({ Properties }) => {
        const { FunctionName: name, Environment } = Properties as unknown as DeployedFunction;
        return [name.replace('lorary-dev-', ''), Environment.Variables] as const;
      }),
  );
  const { [environmentNames.jobClasses]: classes } = variables.get('jobs') ?? {};
  return {
    queues: JSON.parse(String(classes)) as { queue: string; jobDefinition: string; gpuMemoryBytes?: number }[], // as the stack writes it
    of(name: FunctionName): Record<string, string> {
      const texts = Object.entries(variables.get(name) ?? {}).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      );
      const role = environmentNames.jobDataRole;
      // what is known only when deploying
      const resolved = variables.get(name)?.[role]
        ? { [role]: 'arn:aws:iam::111122223333:role/lorary-dev-job-data' }
        : {};
      return { ...Object.fromEntries(texts), ...resolved };
    },
  };
}

interface DeployedFunction {
  readonly FunctionName: string;
  readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> };
}

/** As the rules of the stack do. */
function deliverEvents({ body }: WireRequest, deliver: (name: FunctionName, event: unknown) => void): void {
  const { Entries } = JSON.parse(Buffer.from(body).toString()) as {
    Entries: { Source: string; DetailType: string; Detail: string }[];
  };
  for (const { Source: source, DetailType, Detail } of Entries)
    deliver(DetailType === 'upload-completed' ? 'validator' : 'job-events', {
      source,
      'detail-type': DetailType,
      detail: JSON.parse(Detail) as unknown,
    });
}

async function logs(batch: BatchEndpoint): Promise<string> {
  const texts = batch.jobs.map((job) => readFile(batch.logPath(job), 'utf8').catch(() => ''));
  return (await Promise.all(texts)).join('\n');
}
