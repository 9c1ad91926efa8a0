import { z } from 'zod';
import { askForRun, type AskedFunction } from './ask-for-run.ts';

const answer = z.object({
  credentials: z.object({
    accessKeyId: z.string().min(1),
    secretAccessKey: z.string().min(1),
    sessionToken: z.string().min(1),
    expiresAt: z.number(),
  }),
  hubToken: z.string().optional(),
});

/**
 * Where the clients of a container have their credentials from: the function that gives them to the run of a job that has not ended. The
 * SDK asks again before they end. `hubToken` asks, too: an import gets what it fetches gated models with. Throws `DomainError` with the
 * function's refusal.
 */
export function jobCredentials(asked: AskedFunction) {
  const ask = () => askForRun(asked, answer, 'The credentials of the job are not to be had');
  return {
    credentials: async () => {
      const { expiresAt, ...keys } = (await ask()).credentials;
      return { ...keys, expiration: new Date(expiresAt) };
    },
    hubToken: async () => (await ask()).hubToken,
  };
}
