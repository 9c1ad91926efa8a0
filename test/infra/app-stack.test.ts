import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { adapterHandlers } from '../../functions/adapters/app.ts';
import { catalogHandlers } from '../../functions/catalog/app.ts';
import { budgetHandlers } from '../../functions/budgets/app.ts';
import { generateHandlers } from '../../functions/generate/app.ts';
import { jobHandlers } from '../../functions/jobs/app.ts';
import { teamHandlers } from '../../functions/teams/app.ts';
import { uploadHandlers } from '../../functions/uploads/app.ts';
import { functionGroups, type FunctionGroup, type FunctionName } from '../../infra/function-groups.ts';
import { operations } from '../../shared/contract/operations.ts';
import { readAwsSettings } from '../../shared/aws/environment.ts';
import { synthStage } from './synth-stage.ts';

const { ofType } = synthStage();
const text = (value: unknown): string => JSON.stringify(value);

interface FunctionProperties {
  readonly FunctionName: string;
  readonly Role: { readonly 'Fn::GetAtt': readonly [string, ...string[]] };
  readonly Environment: { readonly Variables: Record<string, string> };
}

const functions = new Map(
  ofType('AWS::Lambda::Function').map(({ id, Properties }) => {
    const properties = Properties as unknown as FunctionProperties; // what AWS::Lambda::Function has
    return [properties.FunctionName.replace('lorary-dev-', ''), { id, properties }] as const;
  }),
);

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
}

const statementsIn = (properties: unknown): readonly Statement[] =>
  (properties as { PolicyDocument: { Statement: Statement[] } }).PolicyDocument.Statement; // what AWS::IAM::Policy has

/** What the role of a function may. */
function statementsOf(name: string): readonly Statement[] {
  const { Role } = functions.get(name)?.properties ?? { Role: { 'Fn::GetAtt': ['none'] } };
  const role = `{"Ref":"${Role['Fn::GetAtt'][0]}"}`;
  return ofType('AWS::IAM::Policy')
    .filter(({ Properties }) => text(Properties?.['Roles']).includes(role))
    .flatMap(({ Properties }) => statementsIn(Properties));
}

describe('functions', () => {
  test('are those of the groups, each small machine with a role of its own', () => {
    expect([...functions.keys()].toSorted()).toEqual(Object.keys(functionGroups).toSorted());
    const roles = [...functions.values()].map(({ properties }) => text(properties.Role));
    expect(new Set(roles).size).toBe(functions.size);
    for (const { properties } of functions.values())
      expect(properties).toMatchObject({ Architectures: ['arm64'], Runtime: 'nodejs22.x', Handler: 'index.handler' });
  });

  test('leave concurrency alone, which a new account has ten of', () => {
    for (const { properties } of functions.values())
      expect(properties).not.toHaveProperty('ReservedConcurrentExecutions');
  });

  test('are told where everything is in words that they understand', () => {
    for (const [name, { properties }] of functions) {
      const { Variables } = properties.Environment;
      const settings = readAwsSettings({ ...Variables, LORARY_BUCKET: 'resolved-when-deployed' });
      const { permissions }: FunctionGroup = functionGroups[name as FunctionName];
      expect(settings).toMatchObject({ table: 'lorary-dev', eventBus: 'lorary-dev' });
      const gpu = permissions.includes('start-jobs') ? [16, 24, 48, 80] : [];
      const cpu = gpu.length > 0 || permissions.includes('start-cpu-jobs') ? ['lorary-dev-cpu'] : [];
      expect(settings.jobClasses.map(({ queue }) => queue)).toEqual([
        ...cpu,
        ...gpu.map((gigabytes) => `lorary-dev-gpu-${gigabytes}`),
      ]);
    }
  });
});

test('merging is told to leave GPUs alone where the settings say so', () => {
  const told = (stage: typeof ofType): unknown =>
    stage('AWS::Lambda::Function').flatMap(
      ({ Properties }) => (Properties as unknown as FunctionProperties).Environment.Variables['LORARY_MERGE_ON'] ?? [],
    );
  expect(told(ofType)).toEqual(['gpu']);
  expect(told(synthStage({ mergeOn: 'cpu' }).ofType)).toEqual(['cpu']);
});

test('the function that makes teams can say where the stage answers', () => {
  const urlOf = (stage: typeof ofType): unknown =>
    stage('AWS::Lambda::Function').flatMap(
      ({ Properties }) => (Properties as unknown as FunctionProperties).Environment.Variables['LORARY_URL'] ?? [],
    );
  expect(urlOf(ofType)).toEqual([
    { 'Fn::Join': ['', ['https://', { 'Fn::GetAtt': [expect.stringContaining('FrontDoor'), 'DomainName'] }]] },
  ]);
  const certificateArn = `arn:aws:acm:us-east-1:123456789012:certificate/${'0'.repeat(8)}`;
  const named = synthStage({ domain: { name: 'lorary.example.com', certificateArn } });
  expect(urlOf(named.ofType)).toEqual(['https://lorary.example.com']);
});

describe('rights', () => {
  test('whoever changes or deletes records can do neither with the audit', () => {
    for (const name of ['adapters', 'jobs', 'catalog', 'validator', 'job-events', 'reconciler'])
      expect(statementsOf(name)).toContainEqual(
        expect.objectContaining({
          Effect: 'Deny',
          Action: ['dynamodb:DeleteItem', 'dynamodb:UpdateItem'],
          Condition: { 'ForAnyValue:StringLike': { 'dynamodb:LeadingKeys': ['*#audit#*'] } },
        }),
      );
  });

  test('only the reconciler deletes blobs, and teams and admin reach none', () => {
    for (const name of functions.keys()) {
      const actions = statementsOf(name).flatMap(({ Action }) => Action);
      expect(actions.includes('s3:DeleteObjectVersion')).toBe(name === 'reconciler');
      expect(actions).not.toContain('s3:DeleteObject');
      if (name === 'teams' || name === 'admin')
        expect(actions.filter((action) => action.startsWith('s3:'))).toEqual([]);
    }
  });

  test('the key signs for those that publish or seal, is shown by the one that tells it, and reaches nobody else', () => {
    const rights: Record<string, string[]> = {};
    for (const [name, { properties }] of functions) {
      const given = statementsOf(name).filter(({ Action }) => text(Action).includes('kms:'));
      expect([name, given.length > 0]).toEqual([name, 'LORARY_SIGNING_KEY' in properties.Environment.Variables]);
      if (given.length > 0) rights[name] = given.flatMap(({ Action }) => Action);
      for (const statement of given)
        expect(statement).toMatchObject({
          Effect: 'Allow',
          Condition: { StringEquals: { 'kms:RequestAlias': 'alias/lorary-dev' } },
        });
    }
    const sign = ['kms:GetPublicKey', 'kms:Sign'];
    expect(rights).toEqual({ teams: ['kms:GetPublicKey'], validator: sign, reconciler: sign, signer: sign });
    const others = ofType('AWS::IAM::Policy').filter(({ Properties }) => text(Properties).includes('kms:'));
    expect(others).toHaveLength(4);
  });

  test('data of jobs is taken on by one function, which has none itself', () => {
    const [role] = ofType('AWS::IAM::Role').filter(({ Properties }) =>
      text(Properties).includes('"lorary-dev-job-data"'),
    );
    const giver = functions.get('job-credentials')?.properties.Role['Fn::GetAtt'][0];
    expect(role?.Properties).toMatchObject({
      AssumeRolePolicyDocument: {
        Statement: [{ Action: 'sts:AssumeRole', Principal: { AWS: { 'Fn::GetAtt': [giver, 'Arn'] } } }],
      },
    });
    const actions = statementsOf('job-credentials').flatMap(({ Action }) => Action);
    expect(actions.filter((action) => !action.startsWith('logs:'))).toEqual(['dynamodb:GetItem', 'sts:AssumeRole']);
  });

  test('nothing leads to the admin function but IAM', () => {
    const admin = functions.get('admin')?.id ?? 'none';
    const leading = [
      'AWS::Lambda::Permission',
      'AWS::Events::Rule',
      'AWS::ApiGatewayV2::Integration',
      'AWS::Lambda::Url',
    ];
    for (const type of leading)
      expect(ofType(type).filter(({ Properties }) => text(Properties).includes(admin))).toEqual([]);
  });
});

describe('the API', () => {
  /** What the entry of each function binds. */
  const bound = {
    adapters: [...adapterHandlers, ...uploadHandlers],
    jobs: [...jobHandlers, ...budgetHandlers, ...generateHandlers],
    catalog: catalogHandlers,
    teams: teamHandlers,
  };
  const routes = ofType('AWS::ApiGatewayV2::Route').map(({ Properties }) => {
    const { RouteKey, Target } = Properties as unknown as { RouteKey: string; Target: unknown };
    const integration = ofType('AWS::ApiGatewayV2::Integration').find(({ id }) => text(Target).includes(id));
    const [name] = [...functions].find(([, { id }]) => text(integration?.Properties).includes(id)) ?? [];
    return { path: RouteKey.replace('ANY ', ''), name };
  });

  /** As an HTTP API chooses: the whole path, else the longest with a rest. */
  const functionOf = (path: string): string | undefined =>
    routes.find((route) => route.path === path)?.name ??
    routes.find((route) => path.startsWith(route.path.replace('{proxy+}', '')) && route.path.endsWith('{proxy+}'))
      ?.name;

  test('each operation comes to the function that answers it', () => {
    for (const { operationId, path } of operations) {
      const [name] = Object.entries(bound).find(([, handlers]) =>
        handlers.some(({ operation }) => operation.operationId === operationId),
      ) ?? ['nobody'];
      expect([operationId, functionOf(path.replaceAll(/\{\w+\}/g, 'x'))]).toEqual([operationId, name]);
    }
    expect(functionOf('/v1/nothing')).toBeUndefined();
  });

  test('the front door has console and API on one origin and keeps no answer', () => {
    const [distribution] = ofType('AWS::CloudFront::Distribution');
    const cachingDisabled = '4135ea2d-6df8-44a3-9df3-4b5a84be39ad';
    const { CacheBehaviors } = (
      (distribution?.Properties ?? {}) as unknown as {
        DistributionConfig: { CacheBehaviors: Record<string, unknown>[] };
      }
    ).DistributionConfig;
    expect(CacheBehaviors.map(({ PathPattern, CachePolicyId }) => [PathPattern, CachePolicyId])).toEqual(
      ['/v1/*', '/docs', '/openapi.json'].map((path) => [path, cachingDisabled]),
    );
  });
});

describe('events', () => {
  test('that cannot be worked on are kept, whether they came to the function or not', () => {
    const rules = ofType('AWS::Events::Rule');
    expect(rules).toHaveLength(4);
    for (const { Properties } of rules)
      expect(Properties).toMatchObject({ Targets: [{ DeadLetterConfig: { Arn: expect.anything() } }] });
    const kept = ofType('AWS::Lambda::EventInvokeConfig');
    expect(kept).toHaveLength(3);
    for (const { Properties } of kept)
      expect(Properties).toMatchObject({ DestinationConfig: { OnFailure: { Destination: expect.anything() } } });
  });

  test('of Batch are those of our queues that say that something ended', () => {
    const [rule] = ofType('AWS::Events::Rule').filter(({ Properties }) => text(Properties).includes('aws.batch'));
    expect(text(rule?.Properties)).toContain('job-queue/lorary-dev-gpu-24');
    expect(rule?.Properties).toMatchObject({ EventPattern: { detail: { status: ['SUCCEEDED', 'FAILED'] } } });
  });
});

describe('alarms', () => {
  const alarms = ofType('AWS::CloudWatch::Alarm').map(
    ({ Properties }) => Properties as unknown as Record<string, unknown>,
  );
  const anchors = [...readFileSync('docs/runbook.md', 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );

  test('say what to do, in a section that there is', () => {
    expect(alarms.length).toBeGreaterThan(5);
    for (const { AlarmDescription, AlarmActions } of alarms) {
      const [, anchor = ''] = /docs\/runbook\.md#([a-z0-9-]+)$/.exec(text(AlarmDescription).slice(1, -1)) ?? [];
      expect(anchors).toContain(anchor);
      expect(AlarmActions).toHaveLength(1);
    }
  });

  test('may be published by CloudWatch, though the topic refuses what does not come by TLS', () => {
    const [policy] = ofType('AWS::SNS::TopicPolicy').map(({ Properties }) => statementsIn(Properties));
    expect(policy).toContainEqual(expect.objectContaining({ Effect: 'Deny', Action: 'sns:Publish' }));
    expect(policy).toContainEqual(
      expect.objectContaining({ Effect: 'Allow', Principal: { Service: 'cloudwatch.amazonaws.com' } }),
    );
  });

  test('are sent to the address of the settings', () => {
    expect(ofType('AWS::SNS::Subscription')).toEqual([]);
    const told = synthStage({ alarmEmail: 'ops@example.org' }).ofType('AWS::SNS::Subscription');
    expect(told.map(({ Properties }) => Properties)).toMatchObject([
      { Protocol: 'email', Endpoint: 'ops@example.org' },
    ]);
  });
});
