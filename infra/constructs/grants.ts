import { Aws } from 'aws-cdk-lib';
import { Effect, Policy, PolicyStatement, type IRole } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { invariant } from '../../shared/errors.ts';
import { acknowledge } from './acknowledge.ts';

/** One statement of a policy. */
export interface Grant {
  readonly deny?: true;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions?: Readonly<Record<string, unknown>>;
  /** Needed where a resource has a `*`: why it cannot be named. */
  readonly why?: string;
}

/** Gives a role exactly these rights; each wildcard is explained to cdk-nag by its grant. */
export function givePolicy(scope: Construct, id: string, role: IRole, grants: readonly Grant[]): Policy {
  const statements = grants.map(
    ({ deny, actions, resources, conditions }) =>
      new PolicyStatement({
        effect: deny ? Effect.DENY : Effect.ALLOW,
        actions: [...actions],
        resources: [...resources],
        ...(conditions ? { conditions } : {}),
      }),
  );
  const policy = new Policy(scope, id, { roles: [role], statements });
  for (const [resource, why] of wildcards(grants)) acknowledge(policy, `AwsSolutions-IAM5[Resource::${resource}]`, why);
  return policy;
}

function wildcards(grants: readonly Grant[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { resources, why } of grants)
    for (const resource of resources.filter((name) => name.includes('*'))) {
      invariant(why, `${resource} is explained`);
      found.set(asNagNames(resource), why);
    }
  return found;
}

/** The name of a resource as cdk-nag shows it, which writes `<AWS::Region>` for what is known only when deploying. */
function asNagNames(resource: string): string {
  return resource
    .replaceAll(Aws.PARTITION, '<AWS::Partition>')
    .replaceAll(Aws.REGION, '<AWS::Region>')
    .replaceAll(Aws.ACCOUNT_ID, '<AWS::AccountId>');
}
