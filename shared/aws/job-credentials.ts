import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { z } from 'zod';
import { DomainError, UnavailableError } from '../errors.ts';
import { attempt, defaultPace, type Pace } from './attempts.ts';
import { transferTimeouts } from './clients.ts';

export interface JobCredentialsOptions {
  readonly functionName: string;
  readonly run: { readonly team: string; readonly jobId: string; readonly runId: string };
  readonly client?: LambdaClient;
  readonly pace?: Pace;
}

const answer = z.union([
  z.object({
    ok: z.literal(true),
    credentials: z.object({
      accessKeyId: z.string().min(1),
      secretAccessKey: z.string().min(1),
      sessionToken: z.string().min(1),
      expiresAt: z.number(),
    }),
    hubToken: z.string().optional(),
  }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);

/**
 * Where the clients of a container have their credentials from: the function that gives them to the run of a job that has not ended. The
 * SDK asks again before they end. `hubToken` asks, too: an import gets what it fetches gated models with. Throws `DomainError` with the
 * function's refusal.
 */
export function jobCredentials({
  functionName,
  run,
  client = new LambdaClient({ maxAttempts: 1, ...transferTimeouts }),
  pace = defaultPace,
}: JobCredentialsOptions) {
  const askFunction = async () => {
    const command = new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(run)) });
    const { Payload, FunctionError } = await attempt(() => client.send(command), { repeatable: true, pace });
    if (FunctionError !== undefined)
      throw new UnavailableError(`The credentials of the job are not to be had: ${FunctionError}.`);
    const parsed = answer.parse(JSON.parse(Buffer.from(Payload ?? []).toString()));
    if (!parsed.ok) throw new DomainError(parsed.code, parsed.message);
    return parsed;
  };
  return {
    credentials: async () => {
      const { expiresAt, ...keys } = (await askFunction()).credentials;
      return { ...keys, expiration: new Date(expiresAt) };
    },
    hubToken: async () => (await askFunction()).hubToken,
  };
}
