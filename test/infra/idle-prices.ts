export type Properties = Readonly<Record<string, unknown>>;

/** Dollars of one resource in a month in which nobody uses it; throws for one that may cost what is not counted here. */
export type IdlePrice = (properties: Properties) => number;

const hoursOfMonth = 730;
const free: IdlePrice = () => 0;
const refuse = (why: string): never => {
  throw new Error(why);
};

/**
 * What each type of resource costs while it is idle, storage left out: list prices of us-east-1, looked up on 2026-11-25, without the
 * free tier. A type that is not here fails the test: somebody has to look up what it costs.
 */
export const idlePrices: Readonly<Record<string, IdlePrice>> = {
  'AWS::DynamoDB::Table': ({ BillingMode }) =>
    BillingMode === 'PAY_PER_REQUEST' ? 0 : refuse('a table with capacity is paid by the hour'),
  'AWS::S3::Bucket': free,
  'AWS::S3::BucketPolicy': free,
  // counted so that one that is planted shows in the sum
  'AWS::EC2::NatGateway': () => 0.045 * hoursOfMonth,
  'AWS::EC2::EIP': () => 0.005 * hoursOfMonth,
  'AWS::KMS::Key': () => 1,
  'AWS::SecretsManager::Secret': () => 0.4,
  'AWS::Route53::HostedZone': () => 0.5,
};
