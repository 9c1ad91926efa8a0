import { BatchClient } from '@aws-sdk/client-batch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { limits } from '../limits.ts';

export interface AwsClients {
  readonly dynamo: DynamoDBDocumentClient;
  readonly s3: S3Client;
  readonly batch: BatchClient;
  readonly eventBridge: EventBridgeClient;
}

export interface ClientOptions {
  readonly pathStyle: boolean;
  /** Those that the SDK finds when absent. Asked again before they end. */
  readonly credentials?: NonNullable<S3ClientConfig['credentials']>;
}

/** What a client without a request handler of its own would wait for without end. */
export const lineTimeouts = {
  requestHandler: { connectionTimeout: limits.awsConnectMilliseconds, socketTimeout: limits.awsSilentMilliseconds },
} as const;
export const transferTimeouts = {
  requestHandler: {
    connectionTimeout: limits.awsConnectMilliseconds,
    socketTimeout: limits.awsTransferSilentMilliseconds,
  },
} as const;

/** Clients with region and endpoints as the SDK finds them. None tries again by itself: `attempt` does. */
export function createClients({ pathStyle, credentials }: ClientOptions): AwsClients {
  const once = { maxAttempts: 1, ...lineTimeouts, ...(credentials ? { credentials } : {}) };
  return {
    dynamo: DynamoDBDocumentClient.from(new DynamoDBClient(once), { marshallOptions: { removeUndefinedValues: true } }),
    s3: new S3Client({
      ...once,
      ...transferTimeouts,
      forcePathStyle: pathStyle,
      // else a signed URL would carry the checksum of no bytes
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
    batch: new BatchClient(once),
    eventBridge: new EventBridgeClient(once),
  };
}
