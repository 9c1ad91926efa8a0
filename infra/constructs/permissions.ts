import { Aws } from 'aws-cdk-lib';
import { tableSchema } from '../../shared/aws/table-schema.ts';
import type { FunctionName, Permission } from '../function-groups.ts';
import { gpuClasses } from '../instance-families.ts';
import { nameOfFunction, namesOf } from '../names.ts';
import type { Settings } from '../settings.ts';
import type { Grant } from './grants.ts';

const arn = (service: string, rest: string): string =>
  `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${rest}`;

/** Of the role that the credentials of jobs are of. */
export function jobDataRoleArn(settings: Settings): string {
  return `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/${namesOf(settings).jobDataRole}`;
}

/** Of a function, for who is in another stack. */
export function functionArn(settings: Settings, name: FunctionName): string {
  return arn('lambda', `function:${nameOfFunction(settings, name)}`);
}

/** What a permission stands for in this stage. */
export function grantsOf(permission: Permission, settings: Settings): readonly Grant[] {
  const names = namesOf(settings);
  const table = arn('dynamodb', `table/${names.table}`);
  const indexes = Object.keys(tableSchema.indexes).map((index) => `${table}/index/${index}`);
  const bucket = `arn:${Aws.PARTITION}:s3:::${names.bucket}`;
  const blobs = {
    resources: [`${bucket}/*`],
    why: 'A function serves all teams; which of them a key of a blob belongs to is checked with each call.',
  };
  switch (permission) {
    case 'read-records':
      return [{ actions: ['dynamodb:GetItem'], resources: [table] }];
    case 'new-records':
      return [{ actions: ['dynamodb:GetItem', 'dynamodb:PutItem'], resources: [table] }];
    case 'records':
      return [
        { actions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], resources: [table] },
        auditIsFinal(table),
      ];
    case 'delete-records':
      return [{ actions: ['dynamodb:DeleteItem'], resources: [table] }, auditIsFinal(table)];
    case 'check-records':
      return [{ actions: ['dynamodb:ConditionCheckItem'], resources: [table] }];
    case 'list-records':
      return [{ actions: ['dynamodb:Query'], resources: [table] }];
    case 'search-records':
      return [{ actions: ['dynamodb:Query'], resources: indexes }];
    case 'job-credentials':
      return [{ actions: ['sts:AssumeRole'], resources: [jobDataRoleArn(settings)] }];
    case 'read-blobs':
      // each is read by its version
      return [{ actions: ['s3:GetObjectVersion'], ...blobs }];
    case 'miss-blobs':
      return [{ actions: ['s3:ListBucket'], resources: [bucket] }];
    case 'find-blobs':
      return [{ actions: ['s3:ListBucketVersions'], resources: [bucket] }];
    case 'upload-blobs':
      return [{ actions: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], ...blobs }];
    case 'delete-blobs':
      return [{ actions: ['s3:DeleteObjectVersion'], ...blobs }];
    case 'start-jobs':
      return startGrants([...cpuJobs(settings), ...gpuJobs(settings)]);
    case 'start-cpu-jobs':
      return startGrants(cpuJobs(settings));
    case 'look-at-jobs':
      return [
        {
          actions: ['batch:DescribeJobs', 'batch:ListJobs'],
          resources: ['*'],
          why: 'IAM knows no resources for these two actions, which only read.',
        },
      ];
    case 'hub-token':
      // of the key that AWS keeps for parameters whoever may read one may use
      return settings.gatedModels
        ? [{ actions: ['ssm:GetParameter'], resources: [arn('ssm', `parameter${names.hubTokenParameter}`)] }]
        : [];
    case 'sign':
      return [{ actions: ['kms:GetPublicKey', 'kms:Sign'], ...signingKey(names.signingKey) }];
    case 'signing-key':
      return [{ actions: ['kms:GetPublicKey'], ...signingKey(names.signingKey) }];
    case 'publish-events':
      return [{ actions: ['events:PutEvents'], resources: [arn('events', `event-bus/${names.eventBus}`)] }];
  }
}

const signingKey = (alias: string): Pick<Grant, 'resources' | 'conditions' | 'why'> => ({
  resources: [arn('kms', 'key/*')],
  conditions: { StringEquals: { 'kms:RequestAlias': alias } },
  why: 'KMS gives keys their ids, so that they cannot be named before; which one is meant says the alias that it has to be asked for by.',
});

/** Rows of the audit are written once; whoever may write records may not change or delete these. */
const auditIsFinal = (table: string): Grant => ({
  deny: true,
  actions: ['dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
  resources: [table],
  conditions: { 'ForAnyValue:StringLike': { 'dynamodb:LeadingKeys': ['*#audit#*'] } },
});

/** A queue, and the definition of the jobs that go there, by their names. */
type QueuedJobs = readonly [queue: string, definition: string];

function cpuJobs(settings: Settings): readonly QueuedJobs[] {
  const { cpuQueue, cpuJobDefinition } = namesOf(settings);
  return [[cpuQueue, cpuJobDefinition]];
}

function gpuJobs(settings: Settings): readonly QueuedJobs[] {
  const { gpuQueue, gpuJobDefinition } = namesOf(settings);
  return gpuClasses(settings.gpuFamilies).map(({ gpuMemoryGigabytes }) => [
    gpuQueue(gpuMemoryGigabytes),
    gpuJobDefinition(gpuMemoryGigabytes),
  ]);
}

function startGrants(jobs: readonly QueuedJobs[]): readonly Grant[] {
  return [
    {
      actions: ['batch:SubmitJob'],
      resources: [
        ...jobs.map(([queue]) => arn('batch', `job-queue/${queue}`)),
        ...jobs.flatMap(([, name]) => [name, `${name}:*`]).map((name) => arn('batch', `job-definition/${name}`)),
      ],
      why: 'A definition is named without its revision, which is then the newest one.',
    },
    {
      actions: ['batch:TagResource', 'batch:TerminateJob'],
      resources: [arn('batch', 'job/*')],
      why: 'Batch gives jobs their ids, so that they cannot be named before.',
    },
  ];
}
