import { setTimeout } from 'node:timers/promises';
import { UnavailableError } from '../errors.ts';
import { limits } from '../limits.ts';

/** How calls are tried again. */
export interface Pace {
  readonly triesMax: number;
  readonly wait: (milliseconds: number) => Promise<unknown>;
  /** From 0 to 1. */
  readonly random: () => number;
}

export const defaultPace: Pace = { triesMax: limits.awsTriesMax, wait: setTimeout, random: Math.random };

export interface AttemptOptions {
  /** Whether a call that may have taken effect can be sent again without harm. */
  readonly repeatable: boolean;
  readonly pace: Pace;
}

/**
 * Sends a call again while AWS says that it did nothing, and, when it is `repeatable`, also when nobody knows whether it did. Then throws
 * `UnavailableError`: after so many tries, or after so long, for each may have waited for an answer that never came. The SDK's own retries
 * are off: they would repeat a conditional write whose answer was lost, and report it as lost to someone else.
 */
export async function attempt<T>(call: () => Promise<T>, { repeatable, pace }: AttemptOptions): Promise<T> {
  const begin = performance.now();
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      const effect = effectOf(error);
      if (effect === 'known') throw error;
      const hasTime = performance.now() - begin < limits.storePatienceMilliseconds;
      const again = hasTime && tries < pace.triesMax && (effect === 'none' || repeatable);
      if (!again) throw new UnavailableError('The store did not answer: try again.', { cause: error });
      await pace.wait(waitMilliseconds(tries, pace.random()));
    }
  }
}

/** Full jitter: anything from nothing to twice as much as before. */
function waitMilliseconds(tries: number, random: number): number {
  return random * Math.min(limits.awsWaitMillisecondsMax, firstWaitMilliseconds * 2 ** tries);
}

const firstWaitMilliseconds = 20;

/** A call that others were in the way of: it did nothing and may be sent again. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
}

/** What a failed call did: nothing, perhaps what was asked, or (`known`) what the error says. */
function effectOf(error: unknown): 'none' | 'perhaps' | 'known' {
  if (!(error instanceof Error)) return 'known';
  if (error instanceof ConflictError || refusals.has(error.name)) return 'none';
  const { code, $metadata } = error as { code?: unknown; $metadata?: { httpStatusCode?: number } };
  if (typeof code === 'string' && unreached.has(code)) return 'none';
  if (typeof code === 'string' && networkCodes.has(code)) return 'perhaps';
  if (timeouts.has(error.name)) return 'perhaps';
  const status = $metadata?.httpStatusCode;
  return status !== undefined && status >= 500 ? 'perhaps' : 'known';
}

/** Throttling in the words of the services, a transaction in the way, and a clock that the SDK has set right by now. */
const refusals: ReadonlySet<string> = new Set([
  'LimitExceededException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestTimeTooSkewed',
  'SlowDown',
  'ThrottledException',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'TransactionConflictException',
  'TransactionInProgressException',
]);

const unreached: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
/** Of the SDK, and S3's answer, under status 400, where a body came too slowly. */
const timeouts: ReadonlySet<string> = new Set(['TimeoutError', 'AbortError', 'RequestTimeout']);
const networkCodes: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ECONNABORTED',
  'ERR_STREAM_PREMATURE_CLOSE',
]);
