import { setTimeout as wait } from 'node:timers/promises';
import { ApiError, createApiClient, UnreachableError, type ApiClient } from '../../shared/contract/api-client.ts';
import { note, type LedgerEntry } from './check/ledger.ts';

/** What came of a call. */
export type Outcome<T> =
  /** `requestId` is null when it was sent more than once. */
  | { readonly kind: 'done'; readonly answer: T; readonly requestId: string | null }
  /** `repeated`: an earlier try without an answer may have done what this one is refused for. */
  | { readonly kind: 'refused'; readonly error: ApiError; readonly repeated: boolean }
  /** Nobody answered. */
  | { readonly kind: 'unknown' };

/** One thread of work of a client: one call after the other. */
export interface Worker {
  readonly api: ApiClient;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** No new work is to be begun. */
  readonly isOver: () => boolean;
  note(entry: LedgerEntry): void;
  /** Something that no answer should have said. */
  bug(text: string): void;
  /** Sends a call until there is an answer, with one Idempotency-Key. */
  surely<T>(call: (api: ApiClient, key: { readonly idempotencyKey: string }) => Promise<T>): Promise<Outcome<T>>;
  /** Sends a call that must not be repeated. */
  once<T>(call: (api: ApiClient) => Promise<T>): Promise<Outcome<T>>;
  /** One of these. */
  pick<T>(items: readonly [T, ...T[]]): T;
  /** Waits up to so long. */
  pause(millisecondsMax: number): Promise<void>;
}

export interface WorkerOptions {
  readonly url: string;
  readonly key: string;
  readonly ledger: string;
  readonly random: () => number;
  readonly isOver: () => boolean;
  readonly bugs: string[];
}

export function createWorker({ url, key, ledger, random, isOver, bugs }: WorkerOptions): Worker {
  let sent = 0;
  let requestId = '';
  const newId = (): string => crypto.randomUUID();
  const counting: typeof fetch = async (...request) => {
    sent++;
    const response = await fetch(...request);
    requestId = response.headers.get('x-request-id') ?? '';
    return response;
  };
  const api = createApiClient({
    url,
    key,
    fetch: counting,
    newId,
    wait: (milliseconds) => wait(milliseconds),
  });
  const bug = (text: string): void => void bugs.push(text);
  const attempt = async <T>(call: () => Promise<T>): Promise<Outcome<T>> => {
    try {
      const answer = await call();
      return { kind: 'done', answer, requestId: sent === 1 ? requestId : null };
    } catch (error) {
      // an answer that breaks off is none
      if (error instanceof UnreachableError || error instanceof TypeError) return { kind: 'unknown' };
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 503) return { kind: 'unknown' };
      if (error.status >= 500) bug(`${error.status} ${error.code}: ${error.message} (${error.requestId})`);
      return error.status >= 500 ? { kind: 'unknown' } : { kind: 'refused', error, repeated: sent > 1 };
    }
  };
  return {
    api,
    random,
    isOver,
    bug,
    note: (entry) => note(ledger, entry),
    async surely(call) {
      sent = 0;
      const idempotencyKey = newId();
      for (let tries = 1; ; tries++) {
        const outcome = await attempt(() => call(api, { idempotencyKey }));
        if (outcome.kind !== 'unknown') return outcome;
        if (tries === triesMax) {
          bug(`a call had no answer ${triesMax} times`);
          return outcome;
        }
        await wait(100 + 300 * random());
      }
    },
    async once(call) {
      sent = 0;
      return attempt(() => call(api));
    },
    pick: (items) => items[Math.floor(random() * items.length)] ?? items[0],
    pause: (millisecondsMax) => wait(random() * millisecondsMax),
  };
}

/** A server is back within a few of them. */
const triesMax = 100;
