import { Stack } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { limits } from '../../shared/limits.ts';
import { synthStage } from './synth-stage.ts';

const synthesised = synthStage();
const { stacks, ofType } = synthesised;
const [table] = ofType('AWS::DynamoDB::Table');
const [bucket] = ofType('AWS::S3::Bucket').filter(({ id }) => id in (stacks['data'] ?? {}));

test('keeps table and bucket when the stack goes', () => {
  expect(table).toMatchObject({ DeletionPolicy: 'Retain', Properties: { DeletionProtectionEnabled: true } });
  expect(bucket?.DeletionPolicy).toBe('Retain');
});

test('has one key, which signs and does nothing else, is found by its alias and stays when the stack goes', () => {
  const [key, ...others] = ofType('AWS::KMS::Key');
  expect(others).toEqual([]);
  expect(key).toMatchObject({
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: { KeySpec: 'ECC_NIST_EDWARDS25519', KeyUsage: 'SIGN_VERIFY', PendingWindowInDays: 30 },
  });
  // KMS turns no asymmetric key over
  expect(key?.Properties).not.toHaveProperty('EnableKeyRotation');
  expect(ofType('AWS::KMS::Alias')).toMatchObject([
    { DeletionPolicy: 'Retain', Properties: { AliasName: 'alias/lorary-dev' } },
  ]);
  const going = synthStage({}, { letDataGo: true });
  for (const type of ['AWS::KMS::Key', 'AWS::KMS::Alias'])
    expect(going.ofType(type)).toMatchObject([{ DeletionPolicy: 'Delete' }]);
});

test('lets go of them, and of everything in the bucket, only where that was asked for', () => {
  const protectedStacks = (app: typeof synthesised.app): string[] =>
    app.node.children.flatMap((child) =>
      Stack.isStack(child) && child.terminationProtection ? [child.stackName] : [],
    );
  expect(protectedStacks(synthesised.app)).toEqual(['lorary-dev-data']);
  expect(ofType('Custom::S3AutoDeleteObjects')).toEqual([]);
  const going = synthStage({}, { letDataGo: true });
  expect(protectedStacks(going.app)).toEqual([]);
  const [goingTable] = going.ofType('AWS::DynamoDB::Table');
  expect(goingTable).toMatchObject({ DeletionPolicy: 'Delete', Properties: { DeletionProtectionEnabled: false } });
  expect(going.ofType('Custom::S3AutoDeleteObjects')).toHaveLength(1);
  expect(going.stacks['data']?.[bucket?.id ?? '']?.DeletionPolicy).toBe('Delete');
});

test('after a restore everything but the stack that keeps the first table is about the other one', () => {
  const restored = synthStage({ restoredTable: 'lorary-dev-restored' });
  expect(restored.ofType('AWS::DynamoDB::Table').map(({ Properties }) => Properties?.['TableName'])).toEqual([
    'lorary-dev',
  ]);
  const own = /"lorary-dev"|table\/lorary-dev(?!-)/;
  const about = (stage: ReturnType<typeof synthStage>): string[] =>
    stage.all
      .filter(({ Type }) => !['AWS::Events::EventBus', 'AWS::ApiGatewayV2::Api', 'AWS::Events::Rule'].includes(Type))
      .filter(({ id }) => !(id in (stage.stacks['data'] ?? {})))
      .filter(({ Properties }) => own.test(JSON.stringify(Properties ?? {}).replaceAll(busSetting, '')))
      .map(({ id }) => id);
  expect(about(synthesised).length).toBeGreaterThan(10);
  expect(about(restored)).toEqual([]);
  expect(JSON.stringify(restored.stacks['jobs'])).toContain('table/lorary-dev-restored');
});

/** The bus is called as the stage's own table is. */
const busSetting = /"(LORARY_EVENT_BUS":|Name":"LORARY_EVENT_BUS","Value":)"lorary-dev"/g;

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
