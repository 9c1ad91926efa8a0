export type Properties = Readonly<Record<string, unknown>>;

/** Dollars of one resource in a month in which nobody uses it; throws for one that may cost what is not counted here. */
export type IdlePrice = (properties: Properties) => number;

const hoursOfMonth = 730;
const free: IdlePrice = () => 0;
const refuse = (why: string): never => {
  throw new Error(why);
};

/**
 * What each type of resource costs while it is idle, storage left out: list prices of us-east-1 as known on 2026-11-25, without the
 * free tier; AWS's own price list has the last word. A type that is not here fails the test: somebody has to look up what it costs.
 */
export const idlePrices: Readonly<Record<string, IdlePrice>> = {
  'AWS::ApiGatewayV2::Api': ({ ProtocolType }) => (ProtocolType === 'HTTP' ? 0 : refuse('only HTTP APIs are priced')),
  'AWS::ApiGatewayV2::Integration': free,
  'AWS::ApiGatewayV2::Route': free,
  'AWS::ApiGatewayV2::Stage': free,
  'AWS::Batch::ComputeEnvironment': ({ ComputeResources }) => {
    const { MinvCpus = 0 } = (ComputeResources ?? {}) as { MinvCpus?: number };
    return MinvCpus === 0 ? 0 : refuse('a compute environment keeps machines while nothing waits');
  },
  'AWS::Batch::JobDefinition': free,
  'AWS::Batch::JobQueue': free,
  'AWS::Batch::SchedulingPolicy': free,
  'AWS::CloudFront::Distribution': free,
  // a tenth of a dollar a million calls
  'AWS::CloudFront::Function': free,
  'AWS::CloudFront::OriginAccessControl': free,
  'AWS::CloudFront::ResponseHeadersPolicy': free,
  'AWS::CloudWatch::Alarm': ({ Period = 300, Metrics }) =>
    Metrics !== undefined || Number(Period) < 60 ? refuse('only plain alarms are priced') : 0.1,
  'AWS::DynamoDB::Table': ({ BillingMode }) =>
    BillingMode === 'PAY_PER_REQUEST' ? 0 : refuse('a table with capacity is paid by the hour'),
  'AWS::EC2::InternetGateway': free,
  'AWS::EC2::LaunchTemplate': free,
  'AWS::EC2::Route': free,
  'AWS::EC2::RouteTable': free,
  'AWS::EC2::SecurityGroup': free,
  'AWS::EC2::Subnet': free,
  'AWS::EC2::SubnetRouteTableAssociation': free,
  'AWS::EC2::VPC': free,
  'AWS::EC2::VPCEndpoint': ({ VpcEndpointType }) => (VpcEndpointType === 'Gateway' ? 0 : 0.01 * hoursOfMonth),
  'AWS::EC2::VPCGatewayAttachment': free,
  'AWS::Events::EventBus': free,
  'AWS::Events::Rule': ({ ScheduleExpression }) =>
    ScheduleExpression === undefined ? 0 : scheduled(ScheduleExpression),
  'AWS::IAM::InstanceProfile': free,
  'AWS::IAM::Policy': free,
  'AWS::IAM::Role': free,
  'AWS::KMS::Alias': free,
  'AWS::KMS::Key': ({ MultiRegion = false }) => (MultiRegion ? refuse('only keys of one region are priced') : 1),
  'AWS::Lambda::EventInvokeConfig': free,
  'AWS::Lambda::Function': free,
  'AWS::Lambda::Permission': free,
  'AWS::Logs::LogGroup': free,
  'AWS::S3::Bucket': free,
  'AWS::S3::BucketPolicy': free,
  'AWS::SNS::Subscription': free,
  'AWS::SNS::Topic': free,
  'AWS::SNS::TopicPolicy': free,
  'AWS::SQS::Queue': free,
  'AWS::SQS::QueuePolicy': free,
  // counted so that one that is planted shows in the sum
  'AWS::EC2::NatGateway': () => 0.045 * hoursOfMonth,
  'AWS::EC2::EIP': () => 0.005 * hoursOfMonth,
  'AWS::SecretsManager::Secret': () => 0.4,
  'AWS::Route53::HostedZone': () => 0.5,
  'AWS::WAFv2::WebACL': () => 5,
};

/** What a schedule has done while nobody asks: calls of 512 MB on ARM for a second, each with ten small reads of the table. */
function scheduled(expression: unknown): number {
  const [, minutes] = /^rate\((\d+) minutes\)$/.exec(String(expression)) ?? [];
  const calls =
    minutes === undefined ? refuse(`${String(expression)} is not priced`) : (hoursOfMonth * 60) / Number(minutes);
  const call = 0.2e-6;
  const seconds = 0.5 * 13.3334e-6;
  const reads = 10 * 0.125e-6;
  return calls * (call + seconds + reads);
}
