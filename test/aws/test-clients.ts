import { BatchClient } from '@aws-sdk/client-batch';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { lineTimeouts, transferTimeouts, type AwsClients } from '../../shared/aws/clients.ts';
import { tableSchema } from '../../shared/aws/table-schema.ts';
import { emulatorKey, emulatorSecret } from './targets.ts';

export interface ServiceEndpoints {
  readonly dynamo: string;
  readonly s3: string;
  readonly batch: string;
  readonly events: string;
}

/** Clients like those of the product, for endpoints of this machine. */
export function testClients({ dynamo, s3, batch, events }: ServiceEndpoints): AwsClients {
  const common = {
    region: 'us-east-1',
    maxAttempts: 1,
    ...lineTimeouts,
    credentials: { accessKeyId: emulatorKey, secretAccessKey: emulatorSecret },
  };
  return {
    dynamo: DynamoDBDocumentClient.from(new DynamoDBClient({ ...common, endpoint: dynamo }), {
      marshallOptions: { removeUndefinedValues: true },
    }),
    s3: new S3Client({
      ...common,
      ...transferTimeouts,
      endpoint: s3,
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
    batch: new BatchClient({ ...common, endpoint: batch }),
    eventBridge: new EventBridgeClient({ ...common, endpoint: events }),
  };
}

export async function createTable({ dynamo }: AwsClients, table: string): Promise<void> {
  const { partitionKey, sortKey, indexes } = tableSchema;
  const names = [partitionKey, sortKey, ...Object.values(indexes).flatMap((one) => [one.partitionKey, one.sortKey])];
  const schema = (keys: { readonly partitionKey: string; readonly sortKey: string }) => [
    { AttributeName: keys.partitionKey, KeyType: 'HASH' as const },
    { AttributeName: keys.sortKey, KeyType: 'RANGE' as const },
  ];
  await dynamo.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' as const })),
      KeySchema: schema(tableSchema),
      GlobalSecondaryIndexes: Object.entries(indexes).map(([IndexName, keys]) => ({
        IndexName,
        KeySchema: schema(keys),
        Projection: { ProjectionType: 'ALL' as const },
      })),
    }),
  );
}

export async function createBucket({ s3 }: AwsClients, bucket: string): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const command = { Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' as const } };
  await s3.send(new PutBucketVersioningCommand(command));
}
