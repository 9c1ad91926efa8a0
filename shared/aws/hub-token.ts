import { GetParameterCommand, ParameterNotFound, SSMClient } from '@aws-sdk/client-ssm';
import { DomainError } from '../errors.ts';
import { attempt, defaultPace, type Pace } from './attempts.ts';
import { lineTimeouts } from './clients.ts';

export interface HubTokenOptions {
  /** Name of the SecureString that holds the token. */
  readonly parameter: string;
  readonly client?: SSMClient;
  readonly pace?: Pace;
  readonly now?: () => number;
}

/**
 * The token of the Hugging Face account that a stage fetches gated and private models with; undefined: nobody has stored one. It is kept
 * for some minutes, so that a new one counts soon. Throws `DomainError('bad-hub-token')` for what is none, without showing it.
 */
export function createHubToken({
  parameter,
  client = new SSMClient({ maxAttempts: 1, ...lineTimeouts }),
  pace = defaultPace,
  now = Date.now,
}: HubTokenOptions): () => Promise<string | undefined> {
  let known: { readonly token: string | undefined; readonly until: number } | undefined;
  return async () => {
    if (known === undefined || known.until <= now())
      known = { token: await readToken(client, parameter, pace), until: now() + keptMilliseconds };
    return known.token;
  };
}

const keptMilliseconds = 300_000;

async function readToken(client: SSMClient, parameter: string, pace: Pace): Promise<string | undefined> {
  const command = new GetParameterCommand({ Name: parameter, WithDecryption: true });
  let value: string;
  try {
    const { Parameter } = await attempt(() => client.send(command), { repeatable: true, pace });
    value = Parameter?.Value?.trim() ?? '';
  } catch (error) {
    if (error instanceof ParameterNotFound) return undefined;
    throw error;
  }
  if (/^hf_\w+$/.test(value)) return value;
  throw new DomainError(
    'bad-hub-token',
    `The parameter ${parameter} holds no token of Hugging Face: it begins with "hf_".`,
  );
}
