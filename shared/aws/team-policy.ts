import { invariant } from '../errors.ts';

export interface TeamPolicyOptions {
  readonly team: string;
  /** Beginnings of keys of objects of other teams, `red/versions/ver_1/`, that may be read as well. */
  readonly readable?: readonly string[];
  readonly table: string;
  readonly bucket: string;
  /** Of the role that is narrowed; names partition and account. */
  readonly roleArn: string;
}

/**
 * A session policy that leaves of a role what the container of one team needs: records whose partition begins with the team, objects
 * below its folder, what other teams share with it for this job, and the tokens of transactions, which nobody else can guess. At most 2,048 characters, as STS takes it.
 */
export function teamPolicy({ team, readable = [], table, bucket, roleArn }: TeamPolicyOptions): string {
  // a wildcard in them would open other teams
  invariant(/^[A-Za-z0-9_-]+$/.test(team), `a team is plain text, unlike ${JSON.stringify(team)}`);
  for (const prefix of readable)
    invariant(/^[\w-]+\/versions\/[\w-]+\/$/.test(prefix), `a version's place is plain text, unlike ${prefix}`);
  const [, partition = 'aws', , , account = '*'] = roleArn.split(':');
  const tableArn = `arn:${partition}:dynamodb:*:${account}:table/${table}`;
  const bucketArn = `arn:${partition}:s3:::${bucket}`;
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['UpdateItem', 'DeleteItem', 'ConditionCheckItem', 'Query'].map((name) => `dynamodb:${name}`),
        Resource: tableArn,
        Condition: leading([`${team}#*`]),
      },
      {
        Effect: 'Allow',
        Action: ['dynamodb:GetItem', 'dynamodb:PutItem'],
        Resource: tableArn,
        Condition: leading([`${team}#*`, 'TOKEN#*']),
      },
      {
        Effect: 'Allow',
        Action: ['GetObjectVersion', 'PutObject', 'AbortMultipartUpload', 'ListMultipartUploadParts'].map(
          (name) => `s3:${name}`,
        ),
        Resource: `${bucketArn}/${team}/*`,
      },
      ...(readable.length > 0
        ? [
            {
              Effect: 'Allow',
              Action: 's3:GetObjectVersion',
              Resource: readable.map((prefix) => `${bucketArn}/${prefix}*`),
            },
          ]
        : []),
      // checkpoints that are out of date
      { Effect: 'Allow', Action: 's3:DeleteObjectVersion', Resource: `${bucketArn}/${team}/jobs/*` },
      {
        Effect: 'Allow',
        Action: 's3:ListBucketVersions',
        Resource: bucketArn,
        Condition: { StringLike: { 's3:prefix': `${team}/*` } },
      },
    ],
  });
}

/** A condition over all keys of a request holds where there are none, so there have to be some. */
const leading = (patterns: readonly string[]) => ({
  'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': patterns },
  Null: { 'dynamodb:LeadingKeys': 'false' },
});
