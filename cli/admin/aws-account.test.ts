import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { awsAccount } from './aws-account.ts';
import { examineAccount } from './examine-account.ts';
import { readStageSettings } from './stage-settings.ts';

/** Answers as AWS's references of these APIs show them. */
const answers = {
  GetCallerIdentity: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
    <Arn>arn:aws:iam::123456789012:user/ada</Arn><UserId>AIDA</UserId><Account>123456789012</Account>
    </GetCallerIdentityResult></GetCallerIdentityResponse>`,
  'AmazonSSM.GetParameter': { Parameter: { Name: '/cdk-bootstrap/hnb659fds/version', Type: 'String', Value: '28' } },
  'ServiceQuotasV20190624.ListServiceQuotas': {
    Quotas: [quota('L-1', 'Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances', 5)],
    NextToken: 'more',
  },
  more: {
    Quotas: [
      quota('L-2', 'Running On-Demand G and VT instances', 8),
      quota('L-3', 'All G and VT Spot Instance Requests', 0),
    ],
  },
  DescribeInstanceTypeOfferings: offerings(['eu-central-1a', 'g5.xlarge'], ['eu-central-1c', 'g6.xlarge']),
};

function quota(QuotaCode: string, QuotaName: string, Value: number): object {
  return { ServiceCode: 'ec2', QuotaCode, QuotaName, Value };
}

function offerings(...pairs: readonly (readonly [string, string])[]): string {
  const items = pairs.map(
    ([zone, type]) =>
      `<item><instanceType>${type}</instanceType><location>${zone}</location><locationType>availability-zone</locationType></item>`,
  );
  return `<DescribeInstanceTypeOfferingsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId>
    <instanceTypeOfferingSet>${items.join('')}</instanceTypeOfferingSet></DescribeInstanceTypeOfferingsResponse>`;
}

let server: Server;
let changed: Record<string, string | object> = {};
beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (bytes: Buffer) => (body += bytes.toString()));
    request.on('end', () => {
      const target = request.headers['x-amz-target'] ?? new URLSearchParams(body).get('Action') ?? '';
      const name = body.includes('"NextToken":"more"') ? 'more' : String(target);
      const answer = name in changed ? changed[name] : answers[name as keyof typeof answers];
      const type = typeof answer === 'string' ? 'text/xml' : 'application/x-amz-json-1.1';
      const isError = /^<ErrorResponse|"__type"/.test(typeof answer === 'string' ? answer : JSON.stringify(answer));
      const code = isError ? 400 : 200;
      response.writeHead(code, { 'content-type': type });
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.close();
});
beforeEach(() => (changed = {}));

const settings = {
  region: 'eu-central-1',
  availabilityZones: ['eu-central-1a', 'eu-central-1b'],
  gpuFamilies: ['g5', 'g6'],
};
const examine = async (more: { account?: string; gpuFamilies?: string[] } = {}): Promise<string[]> =>
  (await examineAccount(awsAccount('eu-central-1'), { ...settings, ...more })).map(
    ({ what, verdict, detail }) => `${verdict} ${what}: ${detail}`,
  );

test('credentials that are refused end the examination', async () => {
  changed = {
    GetCallerIdentity: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
      <Code>InvalidClientTokenId</Code><Message>The security token is invalid.</Message></Error></ErrorResponse>`,
  };
  const found = await examine();
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(
    /^bad credentials: InvalidClientTokenId: The security token is invalid\.: sign in .*aws sso login/,
  );
});

test('everything that is missing is told at once, with what to type', async () => {
  changed = {
    'AmazonSSM.GetParameter': { __type: 'ParameterNotFound' },
    more: { Quotas: [] },
    DescribeInstanceTypeOfferings: offerings(['eu-central-1c', 'g6.xlarge']),
  };
  const found = await examine({ account: '210987654321', gpuFamilies: ['g6', 'p5'] });
  expect(found).toEqual([
    'bad credentials: of account 123456789012, and the stage is for 210987654321',
    'bad bootstrap: there is none in eu-central-1; run: npx cdk bootstrap aws://123456789012/eu-central-1',
    expect.stringMatching(/^bad Running On-Demand G and VT instances: 0 vCPUs, .* takes 4: no job will ever start/),
    expect.stringMatching(/^bad All G and VT Spot Instance Requests: .*--desired-value 8$/),
    expect.stringMatching(/^bad Running On-Demand P instances: .* takes 16/),
    expect.stringMatching(/^bad All P5 Spot Instance Requests: .*--desired-value 32$/),
    'warning eu-central-1a: has none of the families: another zone would have more machines',
    'warning eu-central-1b: has none of the families: another zone would have more machines',
    'bad g6: in no zone of the stage: add one of eu-central-1c, or take the family out',
    'bad p5: in no zone of the stage: this region has none, or take the family out',
  ]);
});

test('an old bootstrap and an answer that is none are bad, and the rest is still looked at', async () => {
  changed = {
    'AmazonSSM.GetParameter': { Parameter: { Value: '7' } },
    'ServiceQuotasV20190624.ListServiceQuotas': { __type: 'AccessDeniedException', Message: 'not for you' },
  };
  const found = await examine();
  expect(found[1]).toMatch(/^bad bootstrap: version 7 is older than 8/);
  expect(found[2]).toMatch(/^bad quotas: AccessDenied/);
  expect(found).toHaveLength(6);
});

test('an account that is ready is told so, and spare machines alone are a warning', async () => {
  expect(await examine({ account: '123456789012', gpuFamilies: ['g5'] })).toEqual([
    'good credentials: account 123456789012, as arn:aws:iam::123456789012:user/ada',
    'good bootstrap: version 28',
    'good Running On-Demand G and VT instances: 8 vCPUs',
    expect.stringMatching(/^warning All G and VT Spot Instance Requests: 0 .*--quota-code L-3 --desired-value 8$/),
    'good eu-central-1a: g5',
    'warning eu-central-1b: has none of the families: another zone would have more machines',
  ]);
});

test('a stage that there is not is refused, and one that there is is read', async () => {
  await expect(readStageSettings('nowhere')).rejects.toThrow(/There is no infra\/stages\/nowhere\.json/);
  expect(await readStageSettings('dev')).toMatchObject({ region: 'us-east-1' });
});
