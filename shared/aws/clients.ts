import { BatchClient } from '@aws-sdk/client-batch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

export interface AwsClients {
  readonly dynamo: DynamoDBDocumentClient;
  readonly s3: S3Client;
  readonly batch: BatchClient;
  readonly eventBridge: EventBridgeClient;
}

/** Clients with region, credentials and endpoints as the SDK finds them. None tries again by itself: `attempt` does. */
export function createClients({ pathStyle }: { readonly pathStyle: boolean }): AwsClients {
  const once = { maxAttempts: 1 };
  return {
    dynamo: DynamoDBDocumentClient.from(new DynamoDBClient(once), { marshallOptions: { removeUndefinedValues: true } }),
    s3: new S3Client({
      ...once,
      forcePathStyle: pathStyle,
      // else a signed URL would carry the checksum of no bytes
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
    batch: new BatchClient(once),
    eventBridge: new EventBridgeClient(once),
  };
}
