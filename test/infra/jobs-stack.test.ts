import { describe, expect, test } from 'vitest';
import { gpuClasses } from '../../infra/instance-families.ts';
import { synthStage } from './synth-stage.ts';

const { ofType, settings, stacks } = synthStage();
const text = (value: unknown): string => JSON.stringify(value);
const propertiesOf = (type: string) =>
  ofType(type).map(({ Properties }) => (Properties ?? {}) as Record<string, unknown>);

describe('the network', () => {
  test('has no NAT gateway and no endpoint that is paid by the hour', () => {
    expect(ofType('AWS::EC2::NatGateway')).toEqual([]);
    expect(propertiesOf('AWS::EC2::VPCEndpoint').map(({ VpcEndpointType }) => VpcEndpointType)).toEqual([
      'Gateway',
      'Gateway',
    ]);
  });

  test('lets nothing in, and TLS out', () => {
    const [group, ...others] = propertiesOf('AWS::EC2::SecurityGroup');
    expect(others).toEqual([]);
    expect(group).not.toHaveProperty('SecurityGroupIngress');
    expect(ofType('AWS::EC2::SecurityGroupIngress')).toEqual([]);
    expect(group).toMatchObject({
      SecurityGroupEgress: [{ CidrIp: '0.0.0.0/0', FromPort: 443, ToPort: 443, IpProtocol: 'tcp' }],
    });
  });

  test('has a subnet in each zone of the settings, whose machines have addresses', () => {
    const subnets = propertiesOf('AWS::EC2::Subnet');
    expect(subnets.map(({ AvailabilityZone }) => AvailabilityZone)).toEqual(settings.availabilityZones);
    for (const subnet of subnets) expect(subnet).toMatchObject({ MapPublicIpOnLaunch: true });
  });

  test('leads to this stage’s own data, and to the layers of images', () => {
    const [s3, dynamo] = propertiesOf('AWS::EC2::VPCEndpoint').map(({ PolicyDocument }) => text(PolicyDocument));
    expect(s3).toContain('lorary-dev-');
    expect(s3).toContain('prod-us-east-1-starport-layer-bucket');
    expect(dynamo).toContain('table/lorary-dev');
    expect(`${s3}${dynamo}`).not.toContain('"Resource":"*"');
  });
});

describe('machines', () => {
  const environments = ofType('AWS::Batch::ComputeEnvironment').map(({ id, Properties }) => ({
    id,
    resources: (Properties as unknown as { ComputeResources: Record<string, unknown> }).ComputeResources,
  }));
  const withGpus = environments.filter(({ resources }) => !text(resources['Type']).includes('FARGATE'));

  test('of each class of GPU memory are spare ones, then others, and none while nothing waits', () => {
    expect(withGpus).toHaveLength(8);
    for (const { resources } of withGpus) expect(resources).toMatchObject({ MinvCpus: 0, MaxvCpus: 32 });
    const strategies = withGpus.map(({ resources }) => [resources['Type'], resources['AllocationStrategy']]);
    expect(strategies.filter(([type]) => type === 'SPOT')).toEqual(
      Array.from({ length: 4 }, () => ['SPOT', 'SPOT_PRICE_CAPACITY_OPTIMIZED']),
    );
    expect(strategies.filter(([type]) => type === 'EC2')).toEqual(
      Array.from({ length: 4 }, () => ['EC2', 'BEST_FIT_PROGRESSIVE']),
    );
  });

  test('have one GPU each and the newest image for it', () => {
    const listed = gpuClasses(settings.gpuFamilies).map(({ instanceTypes }) => instanceTypes);
    for (const { resources } of withGpus) {
      expect(listed).toContainEqual(resources['InstanceTypes']);
      expect(resources).toMatchObject({
        Ec2Configuration: [{ ImageType: 'ECS_AL2023_NVIDIA' }],
        UpdateToLatestImageVersion: true,
      });
    }
  });

  test('answer about themselves with tokens only, encrypt their disk, and give a container time to save', () => {
    const templates = propertiesOf('AWS::EC2::LaunchTemplate').map(
      ({ LaunchTemplateData }) => LaunchTemplateData as Record<string, unknown>,
    );
    expect(templates).toHaveLength(4);
    for (const data of templates) {
      expect(data).toMatchObject({
        MetadataOptions: { HttpTokens: 'required' },
        BlockDeviceMappings: [
          { DeviceName: '/dev/xvda', Ebs: { Encrypted: true, VolumeType: 'gp3', DeleteOnTermination: true } },
        ],
      });
      expect(text(data['UserData'])).toContain('ECS_ENABLE_SPOT_INSTANCE_DRAINING=true');
      expect(text(data['UserData'])).toContain('ECS_CONTAINER_STOP_TIMEOUT=110s');
    }
  });
});

describe('queues', () => {
  const queues = propertiesOf('AWS::Batch::JobQueue');

  test('are one for each class and one without GPUs, shared fairly, and let go of what cannot start', () => {
    expect(queues.map(({ JobQueueName }) => String(JobQueueName)).toSorted()).toEqual(
      ['cpu', 'gpu-16', 'gpu-24', 'gpu-48', 'gpu-80'].map((name) => `lorary-dev-${name}`),
    );
    for (const queue of queues) {
      expect(queue).toMatchObject({ SchedulingPolicyArn: expect.anything() });
      const actions = queue['JobStateTimeLimitActions'] as { Reason: string; State: string; Action: string }[];
      expect(actions).toHaveLength(3);
      for (const action of actions) expect(action).toMatchObject({ State: 'RUNNABLE', Action: 'CANCEL' });
    }
  });

  test('never mix machines and Fargate', () => {
    const fargate = ofType('AWS::Batch::ComputeEnvironment')
      .filter(({ Properties }) => text(Properties).includes('FARGATE'))
      .map(({ id }) => id);
    for (const { ComputeEnvironmentOrder } of queues) {
      const order = (ComputeEnvironmentOrder as unknown[]).map(text);
      expect(order).toHaveLength(2);
      expect([0, 2]).toContain(order.filter((one) => fargate.some((id) => one.includes(id))).length);
    }
  });
});

describe('jobs', () => {
  const definitions = propertiesOf('AWS::Batch::JobDefinition');

  test('are told ids, and where everything is, and nothing secret', () => {
    expect(definitions).toHaveLength(5);
    for (const { ContainerProperties } of definitions)
      expect(ContainerProperties).toMatchObject({
        Command: ['--job', 'Ref::job', '--team', 'Ref::team', '--run', 'Ref::run'],
        Environment: [
          { Name: 'AWS_REGION', Value: 'us-east-1' },
          { Name: 'LORARY_TABLE', Value: 'lorary-dev' },
          { Name: 'LORARY_BUCKET' },
          { Name: 'LORARY_EVENT_BUS', Value: 'lorary-dev' },
          { Name: 'LORARY_CREDENTIALS_FUNCTION', Value: 'lorary-dev-job-credentials' },
          { Name: 'LORARY_SIGNER_FUNCTION', Value: 'lorary-dev-signer' },
        ],
      });
  });

  test('try again what was stopped or taken away, and never what was refused', () => {
    for (const { RetryStrategy } of definitions)
      expect(RetryStrategy).toEqual({
        Attempts: 10,
        EvaluateOnExit: [
          { Action: 'EXIT', OnExitCode: '2' },
          { Action: 'RETRY', OnExitCode: '75' },
          { Action: 'RETRY', OnStatusReason: 'Host EC2*' },
          { Action: 'RETRY', OnReason: 'CannotPullContainerError:*' },
          { Action: 'EXIT', OnReason: '*' },
        ],
      });
  });

  test('have a role that reaches no data and no key, but may ask for what their job may reach, and for its signature', () => {
    const [job, ...others] = ofType('AWS::IAM::Role').filter(({ Properties }) =>
      text(Properties).includes('"lorary-dev-job"'),
    );
    expect(others).toEqual([]);
    const policies = propertiesOf('AWS::IAM::Policy').filter(({ Roles }) => text(Roles).includes(`"${job?.id}"`));
    expect(policies).toHaveLength(1);
    expect(policies[0]).toMatchObject({ PolicyDocument: { Statement: [{ Action: 'lambda:InvokeFunction' }] } });
    const called = [...text(policies).matchAll(/:function:([a-z-]+)/g)].map(([, name]) => name);
    expect(called).toEqual(['lorary-dev-job-credentials', 'lorary-dev-signer']);
    expect(job?.Properties).not.toHaveProperty('Policies');
    expect(job?.Properties).not.toHaveProperty('ManagedPolicyArns');
  });

  test('without GPU families there are none with GPUs, and no image for them', () => {
    const plain = synthStage({ gpuFamilies: [] });
    expect(plain.ofType('AWS::Batch::JobQueue')).toHaveLength(1);
    expect(plain.ofType('AWS::EC2::LaunchTemplate')).toEqual([]);
  });

  test('run the image that the settings name by its digest', () => {
    const uri = `123456789012.dkr.ecr.us-east-1.amazonaws.com/lorary@sha256:${'0'.repeat(64)}`;
    const pinned = synthStage({ gpuImage: { uri }, cpuImage: { uri } });
    for (const { Properties } of pinned.ofType('AWS::Batch::JobDefinition'))
      expect(Properties).toMatchObject({ ContainerProperties: { Image: uri } });
    const pull = pinned
      .ofType('AWS::IAM::Policy')
      .filter(({ Properties }) => text(Properties).includes('ecr:BatchGetImage'));
    expect(text(pull)).toContain('ecr:us-east-1:123456789012:repository/lorary');
  });
});

test('no stack imports from another', () => {
  expect(text(stacks)).not.toContain('Fn::ImportValue');
});
