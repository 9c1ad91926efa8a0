import { createHash } from 'node:crypto';

/** The indices of `keys` in an order that only the keys and the seed decide, whatever order they come in; equal keys keep theirs. */
export function hashedOrder(keys: readonly string[], seed: string): number[] {
  return keys
    .map((key, i) => ({ i, hash: createHash('sha256').update(`${seed}\0${key}`).digest('hex') }))
    .sort((a, b) => (a.hash < b.hash ? -1 : Number(a.hash > b.hash)))
    .map(({ i }) => i);
}
