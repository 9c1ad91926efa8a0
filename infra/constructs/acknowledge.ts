import { CfnResource, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { invariant } from '../../shared/errors.ts';

/** Says of one resource, and of nothing below or beside it, why a rule of cdk-nag does not hold there. */
export function acknowledge(construct: IConstruct, rule: string, reason: string): void {
  const resource = CfnResource.isCfnResource(construct) ? construct : construct.node.defaultChild;
  invariant(resource && CfnResource.isCfnResource(resource), `${construct.node.path} is one resource`);
  Validations.of(resource).acknowledge({ id: rule, reason });
}
