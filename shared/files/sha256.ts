import { createHash } from 'node:crypto';

/** A SHA-256 that takes its bytes piece by piece, as a validator wants to be given it. */
export function newSha256(): { update(bytes: Uint8Array): void; hex(): string } {
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
}
