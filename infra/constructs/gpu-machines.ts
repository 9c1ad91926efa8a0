import {
  AllocationStrategy,
  EcsMachineImageType,
  ManagedEc2EcsComputeEnvironment,
  type IComputeEnvironment,
} from 'aws-cdk-lib/aws-batch';
import {
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  InstanceType,
  LaunchTemplate,
  LaunchTemplateHttpTokens,
  MultipartBody,
  MultipartUserData,
  SubnetType,
  UserData,
} from 'aws-cdk-lib/aws-ec2';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { GpuClass } from '../instance-families.ts';
import type { JobNetwork } from './job-network.ts';

export interface GpuMachinesProps {
  readonly gpuClass: GpuClass;
  readonly network: JobNetwork;
  readonly instanceRole: IRole;
  readonly vcpusMax: number;
}

/** Machines of one class: spare ones first, at whatever price they are just then; none while no job waits. */
export class GpuMachines extends Construct {
  /** In the order in which they are to be tried. */
  readonly environments: readonly IComputeEnvironment[];

  constructor(scope: Construct, id: string, { gpuClass, network, instanceRole, vcpusMax }: GpuMachinesProps) {
    super(scope, id);
    const launchTemplate = new LaunchTemplate(this, 'Template', {
      httpTokens: LaunchTemplateHttpTokens.REQUIRED,
      // a container asks there whether its machine is about to be taken away, and is one hop further
      httpPutResponseHopLimit: 2,
      userData: ecsSettings(),
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: BlockDeviceVolume.ebs(gpuClass.diskGigabytes, {
            volumeType: EbsDeviceVolumeType.GP3,
            encrypted: true,
            deleteOnTermination: true,
            // loading a model is reading a file
            iops: 6000,
            throughput: 500,
          }),
        },
      ],
    });
    const common = {
      vpc: network.vpc,
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      securityGroups: [network.securityGroup],
      instanceTypes: gpuClass.instanceTypes.map((name) => new InstanceType(name)),
      useOptimalInstanceClasses: false,
      images: [{ imageType: EcsMachineImageType.ECS_AL2023_NVIDIA }],
      launchTemplate,
      instanceRole,
      minvCpus: 0,
      maxvCpus: vcpusMax,
      updateToLatestImageVersion: true,
    };
    this.environments = [
      new ManagedEc2EcsComputeEnvironment(this, 'Spot', {
        ...common,
        spot: true,
        allocationStrategy: AllocationStrategy.SPOT_PRICE_CAPACITY_OPTIMIZED,
      }) as IComputeEnvironment, // the library is written without exact optional types
      new ManagedEc2EcsComputeEnvironment(this, 'OnDemand', {
        ...common,
        allocationStrategy: AllocationStrategy.BEST_FIT_PROGRESSIVE,
      }) as IComputeEnvironment,
    ];
  }
}

/** Batch adds parts of its own, so there are several. What is stopped has the time to save what it has. */
function ecsSettings(): MultipartUserData {
  const script = UserData.forLinux();
  for (const setting of ['ECS_ENABLE_SPOT_INSTANCE_DRAINING=true', 'ECS_CONTAINER_STOP_TIMEOUT=110s'])
    script.addCommands(`echo ${setting} >> /etc/ecs/ecs.config`);
  const parts = new MultipartUserData();
  parts.addUserDataPart(script, MultipartBody.SHELL_SCRIPT, true);
  return parts;
}
