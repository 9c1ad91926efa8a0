import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SignedRequest } from '../platform/ports.ts';

/** What a signature covers besides its end: change any of it and it no longer holds. */
export interface Signable {
  readonly method: 'GET' | 'PUT';
  /** Begins with a slash; the host is not covered, so the server may move to another port. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Signer {
  sign(request: Signable, options: { readonly baseUrl: string; readonly expiresSeconds: number }): SignedRequest;
  /** Whether a request came as it was signed. `headers` are those that must have been signed. */
  verify(request: Omit<Signable, 'query'> & { readonly query: URLSearchParams }): 'good' | 'expired' | 'bad-signature';
}

const expiryName = 'expires';
const signatureName = 'signature';

/** Signs with HMAC-SHA-256; whoever has the key may read and write blobs. */
export function createSigner(key: Uint8Array, now: () => number): Signer {
  const signature = ({ method, path, headers }: Omit<Signable, 'query'>, query: URLSearchParams): Buffer => {
    const covered = [...query].filter(([name]) => name !== signatureName).toSorted(byName);
    const text = JSON.stringify([method, path, covered, Object.entries(headers).toSorted(byName)]);
    return createHmac('sha256', key).update(text).digest();
  };

  return {
    sign(request, { baseUrl, expiresSeconds }) {
      const expiresAt = now() + expiresSeconds * 1000;
      const query = new URLSearchParams({ ...request.query, [expiryName]: String(expiresAt) });
      query.set(signatureName, signature(request, query).toString('hex'));
      return { url: `${baseUrl}${request.path}?${query.toString()}`, headers: request.headers, expiresAt };
    },

    verify(request) {
      const given = request.query.getAll(signatureName);
      const sent = Buffer.from(given[0] ?? '', 'hex');
      const right = signature(request, request.query);
      if (given.length !== 1 || sent.length !== right.length || !timingSafeEqual(sent, right)) return 'bad-signature';
      return now() < Number(request.query.get(expiryName)) ? 'good' : 'expired';
    },
  };
}

const byName = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : Number(a > b));
