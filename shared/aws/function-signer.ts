import { z } from 'zod';
import type { Signer } from '../platform/ports.ts';
import { askForRun, type AskedFunction } from './ask-for-run.ts';

const answer = z.object({
  key: z.object({ keyId: z.string(), algorithm: z.enum(['Ed25519', 'ECDSA_P256_SHA256']), publicKey: z.string() }),
  value: z.base64(),
});

/**
 * How a container signs: it has no right to the key, and sends what is to be signed to the function that signs for the run that has
 * a job, and only what that job makes. Throws `DomainError` with the function's refusal, and `UnavailableError` when it cannot sign now.
 */
export function functionSigner(asked: AskedFunction): Signer {
  return {
    async sign(_statement, about) {
      const lacks = 'What was made could not be signed and is not published';
      const { key, value } = await askForRun(asked, answer, lacks, { manifest: about });
      return { key, value: Buffer.from(value, 'base64') };
    },
  };
}
