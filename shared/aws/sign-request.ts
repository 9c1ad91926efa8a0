import type { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { SignedRequest } from '../platform/ports.ts';
import type { S3Place } from './s3-objects.ts';

export interface SignOptions {
  readonly expiresSeconds: number;
  /** Headers that whoever sends the request adds and that are signed; all others stand in the URL. */
  readonly sent?: readonly string[];
}

/** A request (`sign` says which) that S3 answers to anyone, until it expires or the credentials do that signed it. `headers` is left to the caller. */
export async function signRequest(
  { client, now }: S3Place,
  sign: (how: Parameters<typeof getSignedUrl>[2]) => Promise<string>,
  { expiresSeconds, sent = [] }: SignOptions,
): Promise<SignedRequest> {
  // a signature names the second
  const signedAt = Math.floor(now() / 1000) * 1000;
  const url = await sign({
    expiresIn: expiresSeconds,
    signingDate: new Date(signedAt),
    unhoistableHeaders: new Set(sent),
  });
  const { expiration } = await client.config.credentials();
  return { url, headers: {}, expiresAt: Math.min(signedAt + expiresSeconds * 1000, expiration?.getTime() ?? Infinity) };
}
