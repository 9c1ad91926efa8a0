import { Aws, Stack } from 'aws-cdk-lib';
import {
  GatewayVpcEndpointAwsService,
  IpAddresses,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
  type GatewayVpcEndpoint,
  type IVpc,
} from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

export interface JobNetworkProps {
  readonly availabilityZones: readonly string[];
  readonly table: string;
  readonly bucket: string;
}

/**
 * Where jobs run: machines have addresses of their own while they live, nothing reaches them, and they reach out by TLS alone. A NAT
 * gateway, or an interface endpoint, would be paid by the hour whether a job runs or not.
 */
export class JobNetwork extends Construct {
  readonly vpc: IVpc;
  readonly securityGroup: SecurityGroup;

  constructor(scope: Construct, id: string, { availabilityZones, table, bucket }: JobNetworkProps) {
    super(scope, id);
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr('10.20.0.0/16'),
      availabilityZones: [...availabilityZones],
      natGateways: 0,
      subnetConfiguration: [{ name: 'jobs', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: true, cidrMask: 20 }],
      // nothing is in the default group; taking its rules away would take a function of its own
      restrictDefaultSecurityGroup: false,
    });
    this.vpc = vpc as IVpc; // the library is written without exact optional types
    acknowledge(
      vpc,
      'AwsSolutions-VPC7',
      'Nothing can come in and only TLS goes out; flow logs are billed by the gigabyte, and jobs move models.',
    );
    for (const subnet of vpc.publicSubnets)
      acknowledge(
        subnet.node.findChild('Subnet'),
        'CloudFormation-Validate::W3010',
        'Zones stand in the settings, because looking them up would take an account.',
      );
    this.securityGroup = new SecurityGroup(this, 'Outwards', {
      vpc: this.vpc,
      description: 'Jobs: nothing in, TLS out',
      allowAllOutbound: false,
    });
    this.securityGroup.addEgressRule(Peer.anyIpv4(), Port.HTTPS, 'AWS, the model hub, the API');
    endpoints(vpc, table, bucket);
  }
}

/** Data goes to S3 and DynamoDB without crossing the internet, and to this stage's own only. */
function endpoints(vpc: Vpc, table: string, bucket: string): void {
  const { region, partition } = Stack.of(vpc);
  const s3 = vpc.addGatewayEndpoint('S3', { service: GatewayVpcEndpointAwsService.S3 });
  allow(s3, ['s3:*'], [`arn:${partition}:s3:::${bucket}`, `arn:${partition}:s3:::${bucket}/*`]);
  // where ECR keeps the layers of images
  allow(s3, ['s3:GetObject'], [`arn:${partition}:s3:::prod-${region}-starport-layer-bucket/*`]);
  const dynamo = vpc.addGatewayEndpoint('DynamoDB', { service: GatewayVpcEndpointAwsService.DYNAMODB });
  const name = `arn:${partition}:dynamodb:${region}:${Aws.ACCOUNT_ID}:table/${table}`;
  allow(dynamo, ['dynamodb:*'], [name, `${name}/index/*`]);
}

/** An endpoint lets through what its policy names; who may do it is still said by the role. */
function allow(endpoint: GatewayVpcEndpoint, actions: string[], resources: string[]): void {
  endpoint.addToPolicy(new PolicyStatement({ principals: [new AnyPrincipal()], actions, resources }));
}
