/** Starts emulators and a server over them, times every call and prints one line of JSON. Run it in a network namespace of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectTo } from '../cli/server/connect.ts';
import { allHandlers } from '../functions/dev-server/all-handlers.ts';
import { createApi } from '../functions/http/create-api.ts';
import { inspect } from '../shared/upload-validation/inspect.ts';
import { createValidator } from '../functions/validator/validator.ts';
import { environmentNames } from '../shared/aws/environment.ts';
import { createTeam } from '../shared/records/teams.ts';
import { createTextCache } from '../shared/text/text-cache.ts';
import { startBatchEndpoint } from '../test/aws/batch-endpoint.ts';
import { startEmulators } from '../test/aws/emulators.ts';
import { openAwsSuiteWorld, type AwsSuiteWorld } from '../test/aws/open-aws.ts';
import { emulatorKey, emulatorSecret, theTable } from '../test/aws/targets.ts';
import { exemptOnAws, repetitions } from './api-cases.ts';
import { timeApi } from './time-api.ts';

const team = 'bench';
const jobClasses = [{ queue: 'cpu', jobDefinition: 'idle' }];
const idle = ['-e', 'setTimeout(() => undefined, 1_200_000)']; // a job that computed would disturb what is timed

const emulators = await startEmulators();
try {
  const dynamo = theTable(emulators.endpoints).dynamo;
  const [s3 = '', events = ''] = [emulators.endpoints.blobs['versitygw'], emulators.endpoints.events['moto']];
  const figures = await timeOver({ dynamo, s3, events });
  process.stdout.write(`${JSON.stringify({ bench: 'api-aws', world: 'aws, emulated', unit: 'ms', ...figures })}\n`);
} finally {
  await emulators.stop();
}

interface Services {
  readonly dynamo: string;
  readonly s3: string;
  readonly events: string;
}

async function timeOver(services: Services): Promise<Record<string, unknown>> {
  const texts = createTextCache();
  const folder = await mkdtemp(join(tmpdir(), 'lorary-bench-aws-'));
  const batch = await startBatchEndpoint({
    definitions: { idle: { entrypoint: [process.execPath], command: idle } },
    queues: { cpu: 1 },
    folder,
    graceSeconds: 1,
  });
  const suite = await openAwsSuiteWorld({ endpoints: { ...services, batch: batch.url }, jobClasses });
  const server = await startServer({ ...services, batch: batch.url }, suite);
  try {
    const validator = createValidator({ world: suite.aws, inspect }, { onError: (error) => console.error(error) });
    return await timeApi({
      server,
      team,
      world: suite.aws,
      apiOver: (world) => createApi({ world, texts }, allHandlers),
      exempt: exemptOnAws,
      repetitions: (operation) => repetitions(operation) / 2, // emulators take ten times as long as one machine's own store
      settle: () => validator.sweep(),
    });
  } finally {
    texts.close();
    server.stop();
    await suite.close();
    await batch.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A process that knows the world by its environment, as a function does. */
async function startServer(
  { dynamo, s3, events, batch }: Services & { readonly batch: string },
  { aws, tableName }: AwsSuiteWorld,
) {
  const key = await createTeam(aws, team, async () => undefined);
  if (key === undefined) throw new Error('the table is not empty');
  const child = spawn(process.execPath, ['--import', 'tsx', 'bench/api-aws-server.ts'], {
    env: {
      PATH: process.env['PATH'],
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: emulatorKey,
      AWS_SECRET_ACCESS_KEY: emulatorSecret,
      AWS_ENDPOINT_URL_DYNAMODB: dynamo,
      AWS_ENDPOINT_URL_S3: s3,
      AWS_ENDPOINT_URL_EVENTBRIDGE: events,
      AWS_ENDPOINT_URL_BATCH: batch,
      [environmentNames.table]: tableName,
      [environmentNames.bucket]: tableName,
      [environmentNames.eventBus]: 'default',
      [environmentNames.jobClasses]: JSON.stringify(jobClasses),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as [Buffer | number | null];
  if (!Buffer.isBuffer(line)) throw new Error('the server ended before it served');
  const url = line.toString().trim();
  return { url, key, api: connectTo({ url, key }), stop: () => void child.kill('SIGKILL') };
}
