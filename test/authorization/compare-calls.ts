import { expect } from 'vitest';
import type { Operation } from '../../shared/contract/operation.ts';
import type { LocalApi } from '../support/local-api.ts';
import type { Call } from './calls.ts';
import { sendCall, type Answer } from './send-call.ts';
import type { StoreWatch } from './watch-store.ts';

/** An answer without the names of what it is about and without its id. */
export const plain = (text: string): string =>
  text
    .replaceAll(/\b(blue|none)-\d+\b/g, '*')
    .replaceAll(/\b(req|upl|job|ver)_[0-9a-z]{16}\b/g, '*')
    .replaceAll(/\b[0-9a-f]{16}\b/g, '*');

export const send = (api: Pick<LocalApi, 'fetch'>, operation: Operation, call: Call, authorization?: string) =>
  sendCall(api, 'http://127.0.0.1:7411', operation, call, authorization);

/** Names of blue's in an answer that the caller has not given itself. */
export function namesTold({ text }: Answer, { body = '' }: Call): string[] {
  const given = JSON.stringify(body);
  return (text.match(/\bblue-\d+\b/g) ?? []).filter((name) => !given.includes(name));
}

/** Calls whose answers, and calls of the store, are held against each other. */
export interface Comparison {
  /** How many there were. */
  readonly count: number;
  /** What a call is answered, and what it asked the store. */
  traced(operation: Operation, call: Call, key: string): Promise<[Answer, string[]]>;
  /** The answer to a call about something that is there for others is that to one about nothing, as are the calls of the store. */
  expectAlike(operation: Operation, call: Call, missing: Call, key: string): Promise<void>;
}

export function compareCalls(api: Pick<LocalApi, 'fetch'>, store: StoreWatch): Comparison {
  let count = 0;
  const traced: Comparison['traced'] = async (operation, call, key) => {
    count++;
    store.take();
    const answer = await send(api, operation, call, `Bearer ${key}`);
    return [answer, store.take()];
  };
  return {
    get count() {
      return count;
    },
    traced,
    async expectAlike(operation, call, missing, key) {
      const [there, asked] = await traced(operation, call, key);
      const [nowhere, askedToo] = await traced(operation, missing, key);
      expect(there.status).toBeGreaterThanOrEqual(400);
      expect([there.status, plain(there.text), there.headers]).toEqual([
        nowhere.status,
        plain(nowhere.text),
        nowhere.headers,
      ]);
      expect(asked).toEqual(askedToo);
    },
  };
}
