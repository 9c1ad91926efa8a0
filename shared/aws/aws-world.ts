import { randomBytes as systemRandomBytes } from 'node:crypto';
import type { World } from '../platform/ports.ts';
import { defaultPace, type Pace } from './attempts.ts';
import { BatchRunner } from './batch-runner.ts';
import { createClients, type AwsClients, type ClientOptions } from './clients.ts';
import { DynamoTable } from './dynamo-table.ts';
import type { AwsSettings } from './environment.ts';
import { createEventBridgeBus } from './event-bridge-bus.ts';
import { S3Blobs } from './s3-blobs.ts';

export interface AwsWorldOptions
  extends AwsSettings, Pick<ClientOptions, 'credentials'>, Pick<World, 'signer' | 'signingKey'> {
  /** Those of the SDK when absent, with region, credentials and endpoints as it finds them. */
  readonly clients?: AwsClients;
  readonly pace?: Pace;
  readonly now?: () => number;
  readonly randomBytes?: (count: number) => Uint8Array;
}

export interface AwsWorld extends World {
  /** Closes connections. */
  close(): Promise<void>;
}

/** The platform on AWS: one table, one bucket, the queues of Batch and a bus. Opening it asks AWS nothing. */
export function openAwsWorld(options: AwsWorldOptions): AwsWorld {
  const { now = Date.now, randomBytes = systemRandomBytes, pace = defaultPace } = options;
  const clients = options.clients ?? createClients(options);
  const table = new DynamoTable({ client: clients.dynamo, table: options.table, now, pace });
  return {
    table,
    blobs: new S3Blobs({ client: clients.s3, bucket: options.bucket, now, randomBytes, pace }),
    runner: new BatchRunner({ client: clients.batch, table, classes: options.jobClasses, now, randomBytes, pace }),
    events: createEventBridgeBus({ client: clients.eventBridge, bus: options.eventBus, pace }),
    ...(options.image === undefined ? {} : { image: options.image }),
    ...(options.signer ? { signer: options.signer } : {}),
    ...(options.signingKey ? { signingKey: options.signingKey } : {}),
    now,
    randomBytes,
    async close() {
      for (const client of [clients.dynamo, clients.s3, clients.batch, clients.eventBridge]) client.destroy();
    },
  };
}
