import type { Scope } from '../contract/scopes.ts';

/** On whose behalf something is done. Everything that is read or written belongs to `team`. */
export interface Caller {
  readonly team: string;
  /** The API key, or the job, that acts. */
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  readonly requestId: string;
  /** Makes a creation repeatable; absent: it is not meant to be repeated. */
  readonly idempotency?: Idempotency;
}

export interface Idempotency {
  /** SHA-256 of the key that the caller chose. */
  readonly keyHash: string;
  readonly operationId: string;
  /** SHA-256 of what is asked for. */
  readonly requestHash: string;
}
