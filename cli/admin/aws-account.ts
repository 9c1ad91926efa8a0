import { DescribeInstanceTypeOfferingsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { ListServiceQuotasCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { GetParameterCommand, ParameterNotFound, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { Account, Quota } from './account.ts';

/** The account of the credentials that the SDK finds, in one region. */
export function awsAccount(region: string): Account {
  const options = { region, maxAttempts: 3 };
  return {
    async identity() {
      const { Account: account = '', Arn: arn = '' } = await new STSClient(options).send(
        new GetCallerIdentityCommand(),
      );
      return { account, arn };
    },
    async bootstrapVersion() {
      const Name = '/cdk-bootstrap/hnb659fds/version';
      try {
        const { Parameter } = await new SSMClient(options).send(new GetParameterCommand({ Name }));
        return Number(Parameter?.Value);
      } catch (error) {
        if (error instanceof ParameterNotFound) return undefined;
        throw error;
      }
    },
    async machineQuotas() {
      const client = new ServiceQuotasClient(options);
      const found: Quota[] = [];
      let NextToken: string | undefined;
      do {
        const page = await client.send(new ListServiceQuotasCommand({ ServiceCode: 'ec2', NextToken }));
        for (const { QuotaCode: code = '', QuotaName: name = '', Value: vcpus = 0 } of page.Quotas ?? [])
          found.push({ code, name, vcpus });
        ({ NextToken } = page);
      } while (NextToken !== undefined);
      return found;
    },
    async offerings(families) {
      const client = new EC2Client(options);
      const found = new Map<string, string[]>();
      let NextToken: string | undefined;
      do {
        const Filters = [{ Name: 'instance-type', Values: families.map((family) => `${family}.*`) }];
        const page = await client.send(
          new DescribeInstanceTypeOfferingsCommand({ LocationType: 'availability-zone', Filters, NextToken }),
        );
        for (const { Location: zone = '', InstanceType: type = '' } of page.InstanceTypeOfferings ?? [])
          found.set(zone, [...(found.get(zone) ?? []), type]);
        NextToken = page.NextToken === '' ? undefined : page.NextToken;
      } while (NextToken !== undefined);
      return found;
    },
  };
}
