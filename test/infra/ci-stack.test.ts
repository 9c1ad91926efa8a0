import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, expect, test } from 'vitest';
import { createCiApp } from '../../infra/ci.ts';

const folder = mkdtempSync(join(tmpdir(), 'lorary-ci-stack-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Without a folder it makes one of its own, which stays. */
const appOf = (args: readonly string[]) => createCiApp(args, { outdir: mkdtempSync(join(folder, 'app-')) });
const stackOf = (app: ReturnType<typeof createCiApp>) =>
  app.node.findChild('lorary-ci') as unknown as Parameters<typeof Template.fromStack>[0];

interface RoleProperties {
  readonly RoleName: string;
  readonly AssumeRolePolicyDocument: { readonly Statement: readonly Record<string, unknown>[] };
}

const rolesOf = (template: Template): RoleProperties[] =>
  Object.values(template.findResources('AWS::IAM::Role')).map(({ Properties }) => Properties as RoleProperties);

test('what is no repository and stages that there are not are refused', () => {
  expect(() => createCiApp([])).toThrow(/OWNER\/NAME STAGE/);
  expect(() => createCiApp(['owner/name'])).toThrow(/OWNER\/NAME STAGE/);
  expect(() => createCiApp(['owner/name:*', 'dev'])).toThrow(/OWNER\/NAME STAGE/);
  expect(() => createCiApp(['owner/name', 'nowhere'])).toThrow(/nowhere\.json/);
});

test('each role trusts one audience and one subject, and may only become roles of the bootstrap', () => {
  const template = Template.fromStack(stackOf(appOf(['owner/name', 'dev'])));
  const trusted = rolesOf(template).map(({ RoleName, AssumeRolePolicyDocument: { Statement } }) => {
    expect(Statement).toHaveLength(1);
    const [{ Action, Condition } = {}] = Statement;
    expect(Action).toBe('sts:AssumeRoleWithWebIdentity');
    return [RoleName, Condition];
  });
  const github = 'token.actions.githubusercontent.com';
  const only = (subject: string): object => ({
    StringEquals: { [`${github}:aud`]: 'sts.amazonaws.com', [`${github}:sub`]: `repo:owner/name:${subject}` },
  });
  expect(trusted).toEqual([
    ['lorary-ci-deploy-dev', only('environment:dev')],
    ['lorary-ci-lookup', only('pull_request')],
  ]);
  const policies = Object.values(template.findResources('AWS::IAM::Policy')).map(({ Properties }) =>
    JSON.stringify(Properties),
  );
  const becomes = policies.map((text) => [...text.matchAll(/cdk-hnb659fds-([a-z-]+)-role/g)].map(([, kind]) => kind));
  expect(becomes).toEqual([['deploy', 'file-publishing', 'image-publishing', 'lookup'], ['lookup']]);
  for (const text of policies) expect(text).not.toContain('*');
  template.resourceCountIs('AWS::IAM::OIDCProvider', 1);
});

test('an account that has a provider for GitHub keeps it', () => {
  const provider = 'arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com';
  const template = Template.fromStack(stackOf(appOf(['owner/name', 'dev', '--provider', provider])));
  template.resourceCountIs('AWS::IAM::OIDCProvider', 0);
  for (const { AssumeRolePolicyDocument } of rolesOf(template))
    expect(AssumeRolePolicyDocument.Statement[0]).toMatchObject({ Principal: { Federated: provider } });
});

test('breaks no rule of cdk-nag', () => {
  expect(new AwsSolutionsChecks().validateScope(appOf(['owner/name', 'dev'])).violations).toEqual([]);
});

test('the command of the CDK synthesises it by itself', () => {
  const env = { ...process.env, LORARY_CI_ARGUMENTS: JSON.stringify(['owner/name', 'dev']), CDK_OUTDIR: folder };
  execFileSync(process.execPath, ['--import', 'tsx', 'infra/ci.ts'], { env });
  expect(readFileSync(join(folder, 'lorary-ci.template.json'), 'utf8')).toContain('repo:owner/name:environment:dev');
});
