import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { openAwsWorld, type AwsWorld } from '../../shared/aws/aws-world.ts';
import type { Pace } from '../../shared/aws/attempts.ts';
import type { JobClass } from '../../shared/aws/environment.ts';
import { carefulTable, repeating } from '../platform-suite/careful.ts';
import { faultyTable, seededRandom } from '../platform-suite/faults.ts';
import type { SuiteWorld } from '../platform-suite/suite.ts';
import { createBucket, createTable, testClients, type ServiceEndpoints } from './test-clients.ts';
import { sendSigned } from '../platform-suite/send-signed.ts';

export interface AwsSuiteWorld extends SuiteWorld {
  readonly aws: AwsWorld;
  readonly tableName: string;
  close(): Promise<void>;
}

export interface OpenAwsOptions {
  readonly endpoints: Partial<ServiceEndpoints>;
  /** Signatures are judged by the server's clock: then time is waited for. Otherwise the world's own clock moves. */
  readonly waits?: boolean;
  /** With it, faults are injected into the table. */
  readonly seed?: number;
  readonly jobClasses?: readonly JobClass[];
  readonly startsOf?: SuiteWorld['startsOf'];
  readonly slots?: number;
  readonly eventBus?: string;
  readonly pace?: Pace;
}

/** The AWS world over emulators, with a table and a bucket of its own where those are given. */
export async function openAwsSuiteWorld(options: OpenAwsOptions): Promise<AwsSuiteWorld> {
  const none = 'http://127.0.0.1:9';
  const { dynamo = none, s3 = none, batch = none, events = none } = options.endpoints;
  const clients = testClients({ dynamo, s3, batch, events });
  const name = `lorary-${randomBytes(6).toString('hex')}`;
  if (options.endpoints.dynamo) await createTable(clients, name);
  if (options.endpoints.s3) await createBucket(clients, name);
  const folder = await mkdtemp(join(tmpdir(), 'lorary-aws-suite-'));
  let skippedSeconds = 0;
  const aws = openAwsWorld({
    clients,
    table: name,
    bucket: name,
    eventBus: options.eventBus ?? 'default',
    jobClasses: options.jobClasses ?? [],
    pathStyle: true,
    ...(options.pace ? { pace: options.pace } : {}),
    now: () => Date.now() + skippedSeconds * 1000,
  });
  const random = options.seed === undefined ? undefined : seededRandom(options.seed);
  return {
    aws,
    tableName: name,
    table: carefulTable(random ? faultyTable(aws.table, random) : aws.table),
    blobs: repeating(aws.blobs),
    runner: repeating(aws.runner),
    now: () => aws.now(),
    slots: options.slots ?? 2,
    patienceSeconds: 15,
    folder,
    send: sendSigned,
    async advance(seconds) {
      if (options.waits) await setTimeout(seconds * 1000);
      else skippedSeconds += seconds;
    },
    startsOf: options.startsOf ?? (async () => 0),
    async close() {
      await aws.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
