import { teamPolicy } from '../../../shared/aws/team-policy.ts';
import type { RecordedCall } from '../../aws/rights/recorded-call.ts';
import { readStatements, type IamRequest, type IamStatement } from '../../support/iam.ts';
import { account } from './role-rights.ts';

const region = 'us-east-1';
const table = 'lorary-dev';
const bucket = `lorary-dev-${account}-${region}`;

/** A recorded call as it is made in the stage `dev`. */
export function requestInDev({ action, resource, context = {} }: RecordedCall): IamRequest {
  return { action, resource: arnOf(action.split(':')[0] ?? '', resource), context };
}

/** What is left of the role of jobs for the team whose calls are recorded. */
export const sessionOfBlue = (): readonly IamStatement[] =>
  readStatements(
    JSON.parse(teamPolicy({ team: 'blue', table, bucket, roleArn: arnOf('sts', 'role/lorary-dev-job-data') })),
  );

function arnOf(service: string, resource: string): string {
  if (resource === '*') return resource;
  if (service === 's3') return `arn:aws:s3:::${resource.replace(/^bucket/, bucket)}`;
  if (service === 'sts') return `arn:aws:iam::${account}:${resource}`;
  const named = { dynamodb: resource.replace(/^table/, `table/${table}`), events: `event-bus/${table}` }[service];
  // functions have their name behind a colon
  return `arn:aws:${service}:${region}:${account}:${named ?? (service === 'lambda' ? resource.replace('/', ':') : resource)}`;
}
