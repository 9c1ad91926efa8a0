import { Aws, Stack, type StackProps } from 'aws-cdk-lib';
import { CfnOIDCProvider, FederatedPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { givePolicy } from '../constructs/grants.ts';

export interface CiStackProps extends StackProps {
  /** `OWNER/NAME` at GitHub. */
  readonly repository: string;
  /** That are deployed into this account. */
  readonly stages: readonly string[];
  /** ARN of the account's provider for GitHub, of which there can be one; absent: this stack makes it. */
  readonly provider?: string;
}

const issuer = 'token.actions.githubusercontent.com';

/**
 * Once for an account: whom its pipeline may be. A stage's deploy role is for jobs that GitHub ran in the environment of that name, so the
 * rules of the environment (branches, reviewers) decide who deploys; pull requests get a role that only reads. Both have no rights of
 * their own but to become the roles that `cdk bootstrap` made.
 */
export class CiStack extends Stack {
  constructor(scope: Construct, id: string, { repository, stages, provider: given, ...props }: CiStackProps) {
    super(scope, id, { ...props, terminationProtection: true });
    const provider =
      given ??
      new CfnOIDCProvider(this, 'GitHub', { url: `https://${issuer}`, clientIdList: ['sts.amazonaws.com'] }).attrArn;
    const role = (name: string, subject: string, becomes: readonly string[]): void => {
      const made = new Role(this, name, {
        roleName: `lorary-ci-${name}`,
        assumedBy: new FederatedPrincipal(
          provider,
          {
            StringEquals: {
              [`${issuer}:aud`]: 'sts.amazonaws.com',
              [`${issuer}:sub`]: `repo:${repository}:${subject}`,
            },
          },
          'sts:AssumeRoleWithWebIdentity',
        ),
      });
      givePolicy(this, `${name}-policy`, made, [
        { actions: ['sts:AssumeRole'], resources: becomes.map(bootstrapRole) },
      ]);
    };
    for (const stage of stages)
      role(`deploy-${stage}`, `environment:${stage}`, ['deploy', 'file-publishing', 'image-publishing', 'lookup']);
    role('lookup', 'pull_request', ['lookup']);
  }
}

/** Of `cdk bootstrap` with its usual qualifier, in the region of the stack. */
const bootstrapRole = (kind: string): string =>
  `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/cdk-hnb659fds-${kind}-role-${Aws.ACCOUNT_ID}-${Aws.REGION}`;
