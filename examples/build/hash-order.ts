import { createHash } from 'node:crypto';

/** A number in [0, 1) that depends on `seed` and `key` only: the same split on every machine, whatever the order of the rows. */
export function hashFraction(seed: string, key: string): number {
  return createHash('sha256').update(`${seed}\0${key}`).digest().readUInt32BE(0) / 2 ** 32;
}

/** The items in an order drawn by hash; ties keep their order. */
export function hashOrder<T>(seed: string, items: readonly T[], key: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, fraction: hashFraction(seed, key(item)) }))
    .sort((a, b) => a.fraction - b.fraction)
    .map(({ item }) => item);
}
