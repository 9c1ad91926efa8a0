import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { invariant } from '../errors.ts';
import { attempt, defaultPace } from './attempts.ts';
import { lineTimeouts } from './clients.ts';
import { teamPolicy } from './team-policy.ts';

/** What a container signs its calls with. */
export interface JobCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface AssumeTeamOptions {
  readonly roleArn: string;
  readonly table: string;
  readonly bucket: string;
}

/** Gives credentials of a role, narrowed to a team and, for reading, to what it is given of others; they last an hour, which is the most that a role may give for another one. */
export function createAssumeTeam({ roleArn, table, bucket }: AssumeTeamOptions) {
  const client = new STSClient({ maxAttempts: 1, ...lineTimeouts });
  return async (team: string, jobId: string, readable: readonly string[]): Promise<JobCredentials> => {
    const command = new AssumeRoleCommand({
      RoleArn: roleArn,
      RoleSessionName: jobId.slice(0, sessionNameCharsMax),
      DurationSeconds: 3600,
      Policy: teamPolicy({ team, readable, table, bucket, roleArn }),
    });
    const { Credentials } = await attempt(() => client.send(command), { repeatable: true, pace: defaultPace });
    invariant(
      Credentials?.AccessKeyId && Credentials.SecretAccessKey && Credentials.SessionToken,
      'STS gives all of it',
    );
    return {
      accessKeyId: Credentials.AccessKeyId,
      secretAccessKey: Credentials.SecretAccessKey,
      sessionToken: Credentials.SessionToken,
      expiresAt: Credentials.Expiration?.getTime() ?? 0,
    };
  };
}

/** STS's own limit; the name only shows in logs. */
const sessionNameCharsMax = 64;
