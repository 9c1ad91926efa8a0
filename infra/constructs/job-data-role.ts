import { Duration } from 'aws-cdk-lib';
import { Role, type IRole } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { namesOf } from '../names.ts';
import type { Settings } from '../settings.ts';
import { givePolicy } from './grants.ts';
import { grantsOf } from './permissions.ts';

const permissions = [
  'records',
  'delete-records',
  'check-records',
  'list-records',
  'read-blobs',
  'find-blobs',
  'upload-blobs',
  'delete-blobs',
] as const;

/**
 * The role that the credentials of jobs are of. Nobody has all of it: who may take it on is one function, which narrows it to the team of
 * the job that asks (`shared/aws/team-policy.ts`).
 */
export class JobDataRole extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { settings, giver }: { readonly settings: Settings; readonly giver: IRole },
  ) {
    super(scope, id);
    const role = new Role(this, 'Role', {
      roleName: namesOf(settings).jobDataRole,
      assumedBy: giver,
      maxSessionDuration: Duration.hours(1),
    });
    givePolicy(
      this,
      'Policy',
      role,
      permissions.flatMap((permission) => grantsOf(permission, settings)),
    );
  }
}
