import { Aws, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { namesOf } from '../names.ts';
import type { Settings } from '../settings.ts';
import { givePolicy, type Grant } from './grants.ts';
import { functionArn } from './permissions.ts';

/** Who jobs and their machines are to AWS. */
export class JobRoles extends Construct {
  /**
   * Of the program in the container. It may ask for the credentials of its job, and for the signature of what the job makes; with data of
   * its own it would have that of every team.
   */
  readonly job: Role;
  /** Of ECS, on behalf of a container: fetches its image and writes its log. */
  readonly execution: Role;
  /** Of a machine with GPUs: joins the cluster that Batch makes. */
  readonly instance: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, { settings }: { readonly settings: Settings }) {
    super(scope, id);
    this.logGroup = new LogGroup(this, 'Logs', {
      logGroupName: `/lorary/${settings.stage}/jobs`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // tasks of this account only, in whose name ECS might be asked to act
    const tasks = new ServicePrincipal('ecs-tasks.amazonaws.com').withConditions({
      StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
    });
    this.job = new Role(this, 'Job', { roleName: namesOf(settings).jobRole, assumedBy: tasks });
    this.execution = new Role(this, 'Execution', { assumedBy: tasks });
    this.instance = new Role(this, 'Instance', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    const writeLogs: Grant = {
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [this.logGroup.logGroupArn],
    };
    givePolicy(this, 'JobPolicy', this.job, [
      {
        actions: ['lambda:InvokeFunction'],
        resources: [functionArn(settings, 'job-credentials'), functionArn(settings, 'signer')],
      },
    ]);
    givePolicy(this, 'ExecutionPolicy', this.execution, [writeLogs]);
    givePolicy(this, 'InstancePolicy', this.instance, [writeLogs, ...joinCluster]);
  }
}

const clusters = `arn:${Aws.PARTITION}:ecs:${Aws.REGION}:${Aws.ACCOUNT_ID}`;

/** What the agent of ECS asks for. */
const joinCluster: readonly Grant[] = [
  {
    actions: ['ecs:DiscoverPollEndpoint'],
    resources: ['*'],
    why: 'IAM knows no resources for this action, which answers an address.',
  },
  {
    actions: [
      'ecs:DeregisterContainerInstance',
      'ecs:Poll',
      'ecs:RegisterContainerInstance',
      'ecs:StartTelemetrySession',
      'ecs:SubmitAttachmentStateChanges',
      'ecs:SubmitContainerStateChange',
      'ecs:SubmitTaskStateChange',
      'ecs:UpdateContainerInstancesState',
      'ecs:TagResource',
    ],
    resources: ['cluster', 'container-instance', 'task'].flatMap((kind) => [
      `${clusters}:${kind}/AWSBatch-*`,
      `${clusters}:${kind}/*_Batch_*`,
    ]),
    why: 'Batch names its clusters by itself, in one of these two ways, with an id that nobody knows before.',
  },
];
