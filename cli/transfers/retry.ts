import { setTimeout as delay } from 'node:timers/promises';
import { UnavailableError } from '../../shared/errors.ts';

/** How a transfer waits and goes on. */
export interface RetryOptions {
  readonly wait?: (milliseconds: number) => Promise<void>;
}

/** Tries again what fails with `UnavailableError`, a few times, each after a longer wait. */
export async function retrying<T>(
  work: (attempt: number) => Promise<T>,
  { wait = (milliseconds) => delay(milliseconds) }: RetryOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await work(attempt);
    } catch (error) {
      if (!(error instanceof UnavailableError) || attempt === attemptsMax) throw error;
      await wait(200 * 2 ** attempt);
    }
}

/** About twelve seconds in all. */
const attemptsMax = 6;

/** A request to the store of bytes; a connection that breaks is an `UnavailableError`. */
export async function storeFetch(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw new UnavailableError(`The store of ${new URL(url).origin} does not answer.`, { cause: error });
  }
}
