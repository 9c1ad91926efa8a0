import { Duration, Size, Stack, type StackProps } from 'aws-cdk-lib';
import {
  EcsEc2ContainerDefinition,
  EcsFargateContainerDefinition,
  FairshareSchedulingPolicy,
  FargateComputeEnvironment,
  type IComputeEnvironment,
} from 'aws-cdk-lib/aws-batch';
import { SubnetType } from 'aws-cdk-lib/aws-ec2';
import { CpuArchitecture, LogDriver, OperatingSystemFamily } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import { environmentNames } from '../../shared/aws/environment.ts';
import { GpuMachines } from '../constructs/gpu-machines.ts';
import { jobCommand, jobDefinition } from '../constructs/job-definition.ts';
import { jobImage } from '../constructs/job-image.ts';
import { JobNetwork } from '../constructs/job-network.ts';
import { TeamsQueue } from '../constructs/job-queue.ts';
import { JobRoles } from '../constructs/job-roles.ts';
import { gpuClasses } from '../instance-families.ts';
import { nameOfFunction, namesOf } from '../names.ts';
import type { Image, Settings } from '../settings.ts';

/** What computes: queues, and machines that are there only while a job needs them. */
export class JobsStack extends Stack {
  readonly #settings: Settings;
  readonly #network: JobNetwork;
  readonly #roles: JobRoles;

  constructor(scope: Construct, id: string, { settings, ...props }: StackProps & { readonly settings: Settings }) {
    super(scope, id, props);
    this.#settings = settings;
    const { table, bucket } = namesOf(settings);
    const { availabilityZones } = settings;
    this.#network = new JobNetwork(this, 'Network', { availabilityZones, table, bucket });
    this.#roles = new JobRoles(this, 'Roles', { settings });
    const policy = new FairshareSchedulingPolicy(this, 'Shares', {
      // what a team has used counts less and less over an evening
      shareDecay: Duration.hours(4),
    });
    this.#gpuQueues(policy);
    this.#cpuQueue(policy);
  }

  /** Named in the settings: looking them up would take an account. */
  override get availabilityZones(): string[] {
    return [...this.#settings.availabilityZones];
  }

  #gpuQueues(policy: FairshareSchedulingPolicy): void {
    const { gpuFamilies, gpuImage, vcpusMax } = this.#settings;
    const names = namesOf(this.#settings);
    const classes = gpuClasses(gpuFamilies);
    if (classes.length === 0) return;
    const image = jobImage(this, 'GpuImage', {
      image: gpuImage,
      target: 'gpu',
      roles: [this.#roles.execution, this.#roles.instance],
    });
    for (const gpuClass of classes) {
      const { gpuMemoryGigabytes, vcpus, memoryMebibytes } = gpuClass;
      const { environments } = new GpuMachines(this, `Gpu${gpuMemoryGigabytes}`, {
        gpuClass,
        network: this.#network,
        instanceRole: this.#roles.instance,
        vcpusMax: vcpusMax.perGpuClass,
      });
      const name = names.gpuQueue(gpuMemoryGigabytes);
      void new TeamsQueue(this, `Gpu${gpuMemoryGigabytes}Queue`, { name, environments, policy });
      const container = new EcsEc2ContainerDefinition(this, `Gpu${gpuMemoryGigabytes}Container`, {
        ...this.#container(this.#settings.gpuImage),
        image,
        gpu: 1,
        cpu: vcpus,
        memory: Size.mebibytes(memoryMebibytes),
      });
      const definition = names.gpuJobDefinition(gpuMemoryGigabytes);
      jobDefinition(this, `Gpu${gpuMemoryGigabytes}Job`, definition, container);
    }
  }

  #cpuQueue(policy: FairshareSchedulingPolicy): void {
    const { cpuImage, vcpusMax } = this.#settings;
    const names = namesOf(this.#settings);
    const common = {
      vpc: this.#network.vpc,
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      securityGroups: [this.#network.securityGroup],
      maxvCpus: vcpusMax.cpu,
    };
    const environments = [
      new FargateComputeEnvironment(this, 'CpuSpot', { ...common, spot: true }) as IComputeEnvironment, // as in GpuMachines
      new FargateComputeEnvironment(this, 'CpuOnDemand', common) as IComputeEnvironment,
    ];
    void new TeamsQueue(this, 'CpuQueue', { name: names.cpuQueue, environments, policy });
    const container = new EcsFargateContainerDefinition(this, 'CpuContainer', {
      ...this.#container(cpuImage),
      image: jobImage(this, 'CpuImage', { image: cpuImage, target: 'cpu', roles: [this.#roles.execution] }),
      cpu: 4,
      memory: Size.gibibytes(16),
      ephemeralStorageSize: Size.gibibytes(200),
      // there is no NAT gateway that it could go through
      assignPublicIp: true,
      fargateCpuArchitecture: CpuArchitecture.X86_64,
      fargateOperatingSystemFamily: OperatingSystemFamily.LINUX,
    });
    jobDefinition(this, 'CpuJob', names.cpuJobDefinition, container);
  }

  #container(image: Image) {
    const { table, bucket, eventBus } = namesOf(this.#settings);
    return {
      command: [...jobCommand],
      environment: {
        // ECS tells containers of Fargate, and those of machines only where its agent is a new one
        AWS_REGION: this.region,
        [environmentNames.table]: table,
        [environmentNames.bucket]: bucket,
        [environmentNames.eventBus]: eventBus,
        // of one that is built with the stack the digest is known only then
        ...('uri' in image ? { [environmentNames.image]: image.uri } : {}),
        [environmentNames.credentialsFunction]: nameOfFunction(this.#settings, 'job-credentials'),
        [environmentNames.signerFunction]: nameOfFunction(this.#settings, 'signer'),
      },
      jobRole: this.#roles.job,
      executionRole: this.#roles.execution,
      logging: LogDriver.awsLogs({ streamPrefix: 'job', logGroup: this.#roles.logGroup }),
    };
  }
}
