import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { z } from 'zod';
import { DomainError, UnavailableError } from '../errors.ts';
import type { Signer } from '../platform/ports.ts';
import { attempt, defaultPace, type Pace } from './attempts.ts';
import { transferTimeouts } from './clients.ts';

export interface FunctionSignerOptions {
  readonly functionName: string;
  readonly run: { readonly team: string; readonly jobId: string; readonly runId: string };
  readonly client?: LambdaClient;
  readonly pace?: Pace;
}

const answer = z.union([
  z.object({
    ok: z.literal(true),
    key: z.object({ keyId: z.string(), algorithm: z.enum(['Ed25519', 'ECDSA_P256_SHA256']), publicKey: z.string() }),
    value: z.base64(),
  }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);

/**
 * How a container signs: it has no right to the key, and sends what is to be signed to the function that signs for the run that has
 * a job, and only what that job makes. Throws `DomainError` with the function's refusal, and `UnavailableError` when it cannot sign now.
 */
export function functionSigner({
  functionName,
  run,
  client = new LambdaClient({ maxAttempts: 1, ...transferTimeouts }),
  pace = defaultPace,
}: FunctionSignerOptions): Signer {
  return {
    async sign(_statement, about) {
      const Payload = Buffer.from(JSON.stringify({ ...run, manifest: about }));
      const command = new InvokeCommand({ FunctionName: functionName, Payload });
      const answered = await attempt(() => client.send(command), { repeatable: true, pace });
      if (answered.FunctionError !== undefined)
        throw new UnavailableError(
          `What was made could not be signed (${answered.FunctionError}): it is not published.`,
        );
      const parsed = answer.parse(JSON.parse(Buffer.from(answered.Payload ?? []).toString()));
      if (!parsed.ok && parsed.code === 'unavailable') throw new UnavailableError(parsed.message);
      if (!parsed.ok) throw new DomainError(parsed.code, parsed.message);
      return { key: parsed.key, value: Buffer.from(parsed.value, 'base64') };
    },
  };
}
