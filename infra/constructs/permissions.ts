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
    case 'records':
      return [
        {
          actions: [...readWrite, 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:ConditionCheckItem'],
          resources: [table],
        },
        { actions: ['dynamodb:Query'], resources: [table, ...indexes] },
        auditIsFinal(table),
      ];
    case 'new-records':
      return [{ actions: readWrite, resources: [table] }];
    case 'read-records':
      return [{ actions: ['dynamodb:GetItem'], resources: [table] }];
    case 'job-credentials':
      return [{ actions: ['sts:AssumeRole'], resources: [jobDataRoleArn(settings)] }];
    case 'read-blobs':
      return [
        { actions: ['s3:GetObject', 's3:GetObjectVersion'], ...blobs },
        // without it S3 answers that something missing is forbidden
        { actions: ['s3:ListBucket', 's3:ListBucketVersions'], resources: [bucket] },
      ];
    case 'upload-blobs':
      return [{ actions: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], ...blobs }];
    case 'delete-blobs':
      return [{ actions: ['s3:DeleteObjectVersion'], ...blobs }];
    case 'jobs':
      return jobGrants(settings);
    case 'publish-events':
      return [{ actions: ['events:PutEvents'], resources: [arn('events', `event-bus/${names.eventBus}`)] }];
  }
}

const readWrite = ['dynamodb:GetItem', 'dynamodb:PutItem'];

/** Rows of the audit are written once; whoever may write records may not change or delete these. */
const auditIsFinal = (table: string): Grant => ({
  deny: true,
  actions: ['dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
  resources: [table],
  conditions: { 'ForAnyValue:StringLike': { 'dynamodb:LeadingKeys': ['*#audit#*'] } },
});

function jobGrants(settings: Settings): readonly Grant[] {
  const names = namesOf(settings);
  const classes = gpuClasses(settings.gpuFamilies).map(({ gpuMemoryGigabytes }) => gpuMemoryGigabytes);
  const queues = [names.cpuQueue, ...classes.map((gigabytes) => names.gpuQueue(gigabytes))];
  const definitions = [names.cpuJobDefinition, ...classes.map((gigabytes) => names.gpuJobDefinition(gigabytes))];
  const jobs = arn('batch', 'job/*');
  return [
    {
      actions: ['batch:SubmitJob'],
      resources: [
        ...queues.map((name) => arn('batch', `job-queue/${name}`)),
        ...definitions.flatMap((name) => [name, `${name}:*`]).map((name) => arn('batch', `job-definition/${name}`)),
      ],
      why: 'A definition is named without its revision, which is then the newest one.',
    },
    {
      actions: ['batch:TagResource', 'batch:TerminateJob'],
      resources: [jobs],
      why: 'Batch gives jobs their ids, so that they cannot be named before.',
    },
    {
      actions: ['batch:DescribeJobs', 'batch:ListJobs'],
      resources: ['*'],
      why: 'IAM knows no resources for these two actions, which only read.',
    },
  ];
}
