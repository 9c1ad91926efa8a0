import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { driftOf, type Recording } from '../aws/rights/recorder.ts';
import type { IamStatement } from '../support/iam.ts';
import { faultsOf, type LeastPrivilege } from './rights/least-privilege.ts';
import { requestInDev, sessionOfBlue } from './rights/requests.ts';
import { rolesOf } from './rights/role-rights.ts';
import { synthStage } from './synth-stage.ts';

// What `npm run test:aws` records of a deployed platform on emulators, judged by the policies that are deployed.
const recording = JSON.parse(readFileSync(new URL('recorded-calls.json', import.meta.url), 'utf8')) as Recording;

const logs = 'Lambda writes what the function prints, by the role of the function.';
const agents = 'What runs on our behalf is not ours: AWS documents that it needs this.';
const actionsOf = (reason: string, ...actions: string[]): Record<string, string> =>
  Object.fromEntries(actions.map((action) => [action, reason]));

const unrecorded: LeastPrivilege['unrecorded'] = {
  '*': {
    ...actionsOf(logs, 'logs:CreateLogStream', 'logs:PutLogEvents'),
    'sqs:SendMessage': 'Lambda sends what the function has given up on, by the role of the function.',
    's3:ListBucket': 'No call of its own: with it S3 tells whoever reads what is not there that it is not.',
  },
  RolesExecution: actionsOf(
    agents,
    'ecr:BatchCheckLayerAvailability',
    'ecr:BatchGetImage',
    'ecr:GetAuthorizationToken',
    'ecr:GetDownloadUrlForLayer',
  ),
  RolesInstance: actionsOf(
    agents,
    'ecr:BatchCheckLayerAvailability',
    'ecr:BatchGetImage',
    'ecr:GetAuthorizationToken',
    'ecr:GetDownloadUrlForLayer',
    'ecs:DeregisterContainerInstance',
    'ecs:DiscoverPollEndpoint',
    'ecs:Poll',
    'ecs:RegisterContainerInstance',
    'ecs:StartTelemetrySession',
    'ecs:SubmitAttachmentStateChanges',
    'ecs:SubmitContainerStateChange',
    'ecs:SubmitTaskStateChange',
    'ecs:TagResource',
    'ecs:UpdateContainerInstancesState',
  ),
};

const given: LeastPrivilege = {
  roles: rolesOf(synthStage()),
  recording,
  sessions: { 'job-data': sessionOfBlue() },
  requestOf: requestInDev,
  unrecorded,
  everywhere: ['batch:DescribeJobs', 'batch:ListJobs', 'ecr:GetAuthorizationToken', 'ecs:DiscoverPollEndpoint'],
};

test('each call that was recorded is allowed, and each right that is given was needed', () => {
  expect(faultsOf(given)).toEqual([]);
});

describe('a planted fault is found:', () => {
  /** The faults when the statements of one role are others. */
  const faultsWith = (role: string, change: (statements: readonly IamStatement[]) => readonly IamStatement[]) =>
    faultsOf({
      ...given,
      roles: given.roles.map((one) => (one.name === role ? { ...one, statements: change(one.statements) } : one)),
    });
  const added = (action: string, resource: string): IamStatement => ({
    effect: 'Allow',
    actions: [action],
    resources: [resource],
    condition: {},
  });

  test('a right that was taken away', () => {
    const without = (action: string) => (statements: readonly IamStatement[]) =>
      statements.map((one) => ({ ...one, actions: one.actions.filter((name) => name !== action) }));
    expect(faultsWith('reconciler', without('s3:DeleteObjectVersion'))).toContain(
      'reconciler is refused: s3:DeleteObjectVersion bucket/blue/jobs/any',
    );
    expect(faultsWith('job-data', without('dynamodb:ConditionCheckItem'))).toContain(
      'job-data is refused: dynamodb:ConditionCheckItem table dynamodb:LeadingKeys=blue#any',
    );
  });

  test('a right that nobody needs', () => {
    const bucket = 'arn:aws:s3:::lorary-dev-111122223333-us-east-1/*';
    expect(faultsWith('teams', (statements) => [...statements, added('s3:GetObjectVersion', bucket)])).toEqual([
      `teams never needs s3:GetObjectVersion on ${bucket}`,
    ]);
    const table = 'arn:aws:dynamodb:us-east-1:111122223333:table/other';
    expect(faultsWith('teams', (statements) => [...statements, added('dynamodb:GetItem', table)])).toEqual([
      `teams never needs dynamodb:GetItem on ${table}`,
    ]);
  });

  test('a right to everything, though it is needed', () => {
    expect(faultsWith('jobs', (statements) => [...statements, added('batch:SubmitJob', '*')])).toEqual([
      'jobs may batch:SubmitJob on *',
    ]);
    expect(faultsWith('admin', (statements) => [...statements, added('dynamodb:*', '*')])).toEqual([
      'admin may dynamodb:* on *',
    ]);
  });

  test('a right that is refused to the team of a job, though its role has it', () => {
    const red = { ...recording, 'job-data': [...(recording['job-data'] ?? []), 's3:PutObject bucket/red/jobs/any'] };
    expect(faultsOf({ ...given, recording: red })).toEqual(['job-data is refused: s3:PutObject bucket/red/jobs/any']);
  });

  test('a change of the audit', () => {
    const line = 'dynamodb:UpdateItem table dynamodb:LeadingKeys=blue#any,blue#audit#any';
    const changed = { ...recording, adapters: [...(recording['adapters'] ?? []), line] };
    expect(faultsOf({ ...given, recording: changed })).toEqual([`adapters is refused: ${line}`]);
  });

  test('a caller without a role, and a reason without a right', () => {
    expect(faultsOf({ ...given, recording: { ...recording, nobody: ['events:PutEvents event-bus'] } })).toEqual([
      'nobody calls and has no role',
    ]);
    expect(faultsOf({ ...given, unrecorded: { ...unrecorded, teams: { 's3:PutObject': 'None.' } } })).toEqual([
      'there is no such right any more: teams s3:PutObject',
    ]);
  });

  test('a recording that is not what is called now', () => {
    const [first = '', ...others] = recording['teams'] ?? [];
    expect(driftOf(recording, { ...recording, teams: [...others, 's3:PutObject bucket/blue/jobs/any'] })).toEqual([
      `teams does not call any more: ${first}`,
      'teams calls now: s3:PutObject bucket/blue/jobs/any',
    ]);
  });
});
