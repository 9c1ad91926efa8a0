import {
  DeleteTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { ListRulesCommand, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import {
  GetFunctionConfigurationCommand,
  GetFunctionEventInvokeConfigCommand,
  GetPolicyCommand,
} from '@aws-sdk/client-lambda';
import {
  GetBucketCorsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import { functionGroups, type FunctionGroup, type FunctionName } from '../../../infra/function-groups.ts';
import { environmentNames, readAwsSettings } from '../../../shared/aws/environment.ts';
import { tableSchema } from '../../../shared/aws/table-schema.ts';
import { operations } from '../../../shared/contract/operations.ts';
import { failureOf } from '../../platform-suite/suite.ts';
import { accountId, region } from '../targets.ts';
import type { StackCase } from './site.ts';

const table = 'lorary-suite';
const bucket = `lorary-suite-${accountId}-${region}`;
const names = Object.keys(functionGroups) as FunctionName[]; // its own keys
const workers = ['validator', 'job-events', 'reconciler'] as const;

/** That the resources are there, as they were meant. */
export const resourceCases: readonly StackCase[] = [
  {
    name: 'stacks: the table has its indexes and refuses to be deleted',
    async run({ account: { dynamo } }) {
      const { Table } = await dynamo.send(new DescribeTableCommand({ TableName: table }));
      expect(Table).toMatchObject({
        BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
        DeletionProtectionEnabled: true,
        KeySchema: keySchema(tableSchema),
      });
      const indexes = Table?.GlobalSecondaryIndexes?.map(({ IndexName = '', KeySchema }) => [IndexName, KeySchema]);
      const wanted = Object.entries(tableSchema.indexes).map(([name, keys]) => [name, keySchema(keys)]);
      expect(indexes).toEqual(wanted);
      const refused = await failureOf(dynamo.send(new DeleteTableCommand({ TableName: table })));
      expect(String(refused)).toContain('deletion protection');
    },
  },
  {
    name: 'stacks: the bucket is private, versioned and encrypted, and its policy wants TLS',
    async run({ account: { s3 } }) {
      const of = { Bucket: bucket };
      expect(await s3.send(new GetBucketVersioningCommand(of))).toMatchObject({ Status: 'Enabled' });
      const { PublicAccessBlockConfiguration } = await s3.send(new GetPublicAccessBlockCommand(of));
      expect(Object.values(PublicAccessBlockConfiguration ?? {})).toEqual([true, true, true, true]);
      const encryption = await s3.send(new GetBucketEncryptionCommand(of));
      expect(JSON.stringify(encryption)).toContain('"SSEAlgorithm":"AES256"');
      const { CORSRules = [] } = await s3.send(new GetBucketCorsCommand(of));
      expect(CORSRules[0]?.ExposeHeaders).toContain('x-amz-checksum-sha256');
      const { Policy = '' } = await s3.send(new GetBucketPolicyCommand(of));
      expect(Policy).toMatch(/aws:SecureTransport.*s3:TlsVersion/s);
    },
  },
  {
    name: 'stacks: the table can be put back in time',
    words: /DISABLED/,
    async run({ account: { dynamo } }) {
      const backups = await dynamo.send(new DescribeContinuousBackupsCommand({ TableName: table }));
      const { PointInTimeRecoveryDescription } = backups.ContinuousBackupsDescription ?? {};
      expect(PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus).toBe('ENABLED');
    },
  },
  {
    name: 'stacks: the table forgets what has expired',
    words: /DISABLED/,
    async run({ account: { dynamo } }) {
      const { TimeToLiveDescription } = await dynamo.send(new DescribeTimeToLiveCommand({ TableName: table }));
      expect(TimeToLiveDescription?.TimeToLiveStatus).toBe('ENABLED');
    },
  },
  {
    name: 'stacks: the bucket forgets what nobody needs',
    words: /NoSuchLifecycleConfiguration/,
    async run({ account: { s3 } }) {
      const { Rules: kept = [] } = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }));
      expect(kept.map(({ ID }) => ID)).toEqual(['parts-that-nobody-joins', 'content-that-was-written-over']);
    },
  },
  {
    name: 'stacks: each function has its size, its time and an environment that it understands',
    async run({ account: { lambda } }) {
      for (const name of names) {
        const group: FunctionGroup = functionGroups[name];
        const made = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: `lorary-suite-${name}` }));
        expect(made).toMatchObject({
          Runtime: 'nodejs22.x',
          Architectures: ['arm64'],
          MemorySize: group.memoryMegabytes,
          Timeout: group.timeoutSeconds,
        });
        const settings = readAwsSettings(made.Environment?.Variables ?? {});
        expect(settings).toMatchObject({ table, bucket, eventBus: 'lorary-suite' });
        const starts = group.permissions.some((permission) => /^start-(cpu-)?jobs$/.test(permission));
        expect([name, settings.jobClasses.length > 0]).toEqual([name, starts]);
      }
      const given = new GetFunctionConfigurationCommand({ FunctionName: 'lorary-suite-job-credentials' });
      const { Environment } = await lambda.send(given);
      const role = `arn:aws:iam::${accountId}:role/lorary-suite-job-data`;
      expect(Environment?.Variables).toMatchObject({ [environmentNames.jobDataRole]: role });
    },
  },
  {
    name: 'stacks: functions are called by who should, and nothing but IAM leads to the one that makes teams',
    async run({ account: { lambda } }) {
      for (const name of names) {
        const found = await lambda
          .send(new GetPolicyCommand({ FunctionName: `lorary-suite-${name}` }))
          .catch(() => ({}));
        const policy = JSON.stringify(found);
        const group: FunctionGroup = functionGroups[name];
        expect([name, policy.includes('apigateway.amazonaws.com')]).toEqual([name, group.paths.length > 0]);
        const worksOnEvents = workers.some((worker) => worker === name);
        expect([name, policy.includes('events.amazonaws.com')]).toEqual([name, worksOnEvents]);
      }
    },
  },
  {
    name: 'stacks: events have their rules, and those that come to nothing their queues',
    async run({ account: { events, lambda } }) {
      const targets = async (bus: string): Promise<Record<string, string>> => {
        const { Rules = [] } = await events.send(new ListRulesCommand({ EventBusName: bus }));
        const found: Record<string, string> = {};
        for (const { Name = '' } of Rules) {
          const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule: Name, EventBusName: bus }));
          for (const target of Targets) {
            expect(target).toMatchObject({ DeadLetterConfig: { Arn: expect.stringContaining(':sqs:') } });
            found[Name.replace(/^lorary-suite-app-/, '').replace(/[A-F0-9]{8}.*$/, '')] = target.Arn ?? '';
          }
        }
        return found;
      };
      const arn = (name: string): string => `arn:aws:lambda:${region}:${accountId}:function:lorary-suite-${name}`;
      expect(Object.values(await targets('lorary-suite')).toSorted()).toEqual([arn('job-events'), arn('validator')]);
      expect(Object.values(await targets('default')).toSorted()).toEqual([arn('job-events'), arn('reconciler')]);
      for (const worker of workers) {
        const config = new GetFunctionEventInvokeConfigCommand({
          FunctionName: `lorary-suite-${worker}`,
          Qualifier: '$LATEST',
        });
        expect(await lambda.send(config)).toMatchObject({
          MaximumRetryAttempts: 2,
          DestinationConfig: { OnFailure: { Destination: expect.stringContaining(':sqs:') } },
        });
      }
    },
  },
  {
    name: 'stacks: every call of the contract comes to the function that answers it, and no other path to any',
    async run({ apiUrl }) {
      for (const { operationId, method, path } of operations) {
        const url = new URL(path.replaceAll(/\{\w+\}/g, 'x'), apiUrl);
        const answer = await fetch(url, { method: method.toUpperCase() });
        const { code } = (await answer.json()) as { code?: string };
        expect([operationId, answer.status, code]).toEqual([operationId, 401, 'unauthenticated']);
      }
      const nothing = await fetch(new URL('/v1/nothing', apiUrl));
      expect([nothing.status, await nothing.json()]).toEqual([404, { message: 'Not Found' }]);
      const page = await fetch(new URL('/docs', apiUrl));
      expect(page.headers.get('content-type')).toContain('text/html');
      expect((await fetch(new URL('/openapi.json', apiUrl))).status).toBe(200);
    },
  },
  {
    name: 'front door: files of the console come from their bucket, with the headers of a page',
    async run({ account: { s3 }, consoleBucket, frontDoorUrl }) {
      await s3.send(
        new PutObjectCommand({ Bucket: consoleBucket, Key: 'index.html', Body: 'a page', ContentType: 'text/html' }),
      );
      const page = await fetch(frontDoorUrl);
      expect([page.status, await page.text()]).toEqual([200, 'a page']);
      expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
      expect(page.headers.get('x-frame-options')).toBe('DENY');
    },
  },
  {
    name: 'front door: the API answers behind it',
    words: /502/,
    async run({ frontDoorUrl }) {
      expect((await fetch(new URL('/v1/me', frontDoorUrl))).status).toBe(401);
    },
  },
];

const keySchema = ({ partitionKey, sortKey }: { readonly partitionKey: string; readonly sortKey: string }) => [
  { AttributeName: partitionKey, KeyType: 'HASH' },
  { AttributeName: sortKey, KeyType: 'RANGE' },
];
