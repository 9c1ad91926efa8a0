import type { Scope } from '../contract/scopes.ts';

/** On whose behalf something is done. Everything that is read or written belongs to `team`. */
export interface Caller {
  readonly team: string;
  /** The API key, or the job, that acts. */
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  /** Only adapters whose names begin so exist for it; absent: all. */
  readonly adapterPrefix?: string;
  /** Name of the account whose key it is; absent: a key of its own. */
  readonly serviceAccount?: string;
  readonly requestId: string;
  /** What was called, by its id; absent: nobody has called, the platform acts on its own. */
  readonly operation?: string;
  readonly from?: CallOrigin;
  /** Makes a creation repeatable; absent: it is not meant to be repeated. */
  readonly idempotency?: Idempotency;
}

/** Where a call came from, for the audit. */
export interface CallOrigin {
  /** As the server knows it. */
  readonly address?: string;
  /** As the caller says. */
  readonly userAgent?: string;
}

export interface Idempotency {
  /** SHA-256 of the key that the caller chose. */
  readonly keyHash: string;
  readonly operationId: string;
  /** SHA-256 of what is asked for. */
  readonly requestHash: string;
}
