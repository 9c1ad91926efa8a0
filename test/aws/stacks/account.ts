import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { KMSClient } from '@aws-sdk/client-kms';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { emulatorKey, emulatorSecret, region, type StacksEndpoint } from '../targets.ts';
import { stageCommands, type StageCommands } from './stage-commands.ts';

/** The account of the emulator, as its owner works with it. */
export interface Account {
  readonly endpoint: StacksEndpoint;
  readonly folder: string;
  readonly commands: StageCommands;
  readonly dynamo: DynamoDBClient;
  readonly s3: S3Client;
  readonly lambda: LambdaClient;
  readonly events: EventBridgeClient;
  readonly sts: STSClient;
  readonly kms: KMSClient;
  close(): Promise<void>;
}

export async function openAccount(endpoint: StacksEndpoint): Promise<Account> {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-stacks-'));
  const credentials = { accessKeyId: emulatorKey, secretAccessKey: emulatorSecret };
  const common = { region, endpoint: endpoint.url, maxAttempts: 1, credentials };
  const clients = {
    dynamo: new DynamoDBClient(common),
    s3: new S3Client({ ...common, forcePathStyle: true }),
    lambda: new LambdaClient(common),
    events: new EventBridgeClient(common),
    sts: new STSClient(common),
    kms: new KMSClient(common),
  };
  return {
    ...clients,
    endpoint,
    folder,
    commands: await stageCommands(folder, endpoint),
    async close() {
      for (const client of Object.values(clients)) client.destroy();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** What a function answers. Throws what it throws. */
export async function invoke(lambda: LambdaClient, name: string, payload: object): Promise<unknown> {
  const command = new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(payload)) });
  const { FunctionError, Payload } = await lambda.send(command);
  const text = Buffer.from(Payload ?? []).toString();
  if (FunctionError !== undefined) throw new Error(`${name} failed: ${text}`);
  return JSON.parse(text);
}
