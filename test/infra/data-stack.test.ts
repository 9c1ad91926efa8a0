import { expect, test } from 'vitest';
import { limits } from '../../shared/limits.ts';
import { synthStage } from './synth-stage.ts';

const { stacks, ofType } = synthStage();
const [table] = ofType('AWS::DynamoDB::Table');
const [bucket] = ofType('AWS::S3::Bucket').filter(({ id }) => id in (stacks['data'] ?? {}));

test('keeps table and bucket when the stack goes', () => {
  expect(table).toMatchObject({ DeletionPolicy: 'Retain', Properties: { DeletionProtectionEnabled: true } });
  expect(bucket?.DeletionPolicy).toBe('Retain');
});

test('the table is paid by the request, can be put back in time and has the indexes of the port', () => {
  expect(table?.Properties).toMatchObject({
    BillingMode: 'PAY_PER_REQUEST',
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [
      { IndexName: 'index1', Projection: { ProjectionType: 'ALL' } },
      { IndexName: 'index2', Projection: { ProjectionType: 'ALL' } },
    ],
  });
});

test('the bucket is private, versioned and encrypted, and refuses what does not come by TLS', () => {
  expect(bucket?.Properties).toMatchObject({
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    VersioningConfiguration: { Status: 'Enabled' },
    OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
  });
  const policies = ofType('AWS::S3::BucketPolicy').map(({ Properties }) => JSON.stringify(Properties));
  const buckets = ofType('AWS::S3::Bucket').map(({ id }) => id);
  for (const id of buckets)
    expect(
      policies.filter((policy) => policy.includes(id) && policy.includes('"aws:SecureTransport":"false"')),
    ).toHaveLength(1);
});

test('parts that nobody joins go, but not before their upload has', () => {
  const { Rules } = (bucket?.Properties as { LifecycleConfiguration: { Rules: Record<string, unknown>[] } } | undefined)
    ?.LifecycleConfiguration ?? { Rules: [] };
  const days = Rules.flatMap(
    ({ AbortIncompleteMultipartUpload: abort }) => (abort as { DaysAfterInitiation: number }) ?? [],
  );
  expect(days).toHaveLength(1);
  expect((days[0]?.DaysAfterInitiation ?? 0) * 86_400).toBeGreaterThan(limits.uploadKeptSeconds);
});

test('of what was written over the newest versions stay, since a record may name one of them', () => {
  const rules = JSON.stringify(bucket?.Properties);
  expect(rules).toContain('"NoncurrentVersionExpiration":{"NewerNoncurrentVersions":5,"NoncurrentDays":30}');
});

test('a page may send parts and read what S3 says of them', () => {
  expect(bucket?.Properties).toMatchObject({
    CorsConfiguration: { CorsRules: [{ ExposedHeaders: expect.arrayContaining(['ETag', 'x-amz-checksum-sha256']) }] },
  });
});

test('with a domain only its pages may', () => {
  const domain = { name: 'lora.example.org', certificateArn: `arn:aws:acm:us-east-1:123456789012:certificate/1-2` };
  const own = synthStage({ domain })
    .ofType('AWS::S3::Bucket')
    .map(({ Properties }) => JSON.stringify(Properties));
  expect(own.some((text) => text.includes('"AllowedOrigins":["https://lora.example.org"]'))).toBe(true);
});
