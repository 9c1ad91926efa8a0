import { hashedOrder } from './hashed-order.ts';

/**
 * Holds out about `share` of the rows, at least one and never all, by a seeded hash of what each row asks: rows that ask the same
 * stand on the same side, whatever their order and their answers. Both sides keep the order of the file.
 */
export function splitRows<T>(
  rows: readonly T[],
  question: (row: T) => string,
  { share, seed }: { readonly share: number; readonly seed: string },
): { readonly train: T[]; readonly heldOut: T[] } {
  const sizes = new Map<string, number>();
  for (const row of rows) sizes.set(question(row), (sizes.get(question(row)) ?? 0) + 1);
  const keys = [...sizes.keys()];
  const order = hashedOrder(keys, seed).map((i) => keys[i] as string); // indices of keys
  const heldOutKeys = new Set<string>();
  let count = 0;
  for (const key of order.slice(0, -1)) {
    if (heldOutKeys.size > 0 && count >= share * rows.length) break;
    heldOutKeys.add(key);
    count += sizes.get(key) ?? 0;
  }
  return {
    train: rows.filter((row) => !heldOutKeys.has(question(row))),
    heldOut: rows.filter((row) => heldOutKeys.has(question(row))),
  };
}
