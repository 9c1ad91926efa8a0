import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import type { World } from '../../shared/platform/ports.ts';
import type { ApiKeyRecord } from '../../shared/records/api-keys.ts';

/** Lets a call of this key in, or throws `DomainError('too-many-requests')`. */
export type Admit = (key: Pick<ApiKeyRecord, 'id' | 'requestsPerSecond'>) => void;

/**
 * A token bucket for each key that has a limit, in this process and nowhere else: a stage with several instances of a function lets in as
 * many times more. It holds a second's worth, one call at least. Nothing is written, and a key without a limit costs nothing.
 */
export function createRequestRates({ now }: Pick<World, 'now'>): Admit {
  const buckets = new Map<string, { readonly tokens: number; readonly at: number }>();
  return ({ id, requestsPerSecond }) => {
    if (requestsPerSecond === null) return;
    const at = now();
    const capacity = Math.max(1, requestsPerSecond);
    const before = buckets.get(id) ?? { tokens: capacity, at };
    const filled = (Math.max(0, at - before.at) / 1000) * requestsPerSecond;
    const tokens = Math.min(capacity, before.tokens + filled);
    buckets.delete(id);
    // the one that was asked for longest ago is the fullest
    const [oldest] = buckets.size >= limits.rateBucketsMax ? buckets.keys() : [];
    if (oldest !== undefined) buckets.delete(oldest);
    buckets.set(id, { tokens: tokens >= 1 ? tokens - 1 : tokens, at });
    if (tokens < 1)
      throw new DomainError(
        'too-many-requests',
        `This key may make ${requestsPerSecond} calls a second: wait ${((1 - tokens) / requestsPerSecond).toFixed(2)} s, or have its limit raised ("lorary budget set").`,
      );
  };
}
