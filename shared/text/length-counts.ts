/** How often each length was seen: rows are millions, their lengths are few. */
export interface LengthCounts {
  add(length: number): void;
  /** The smallest length that at least this share of all have at most, by nearest rank; 0 where there is none. */
  quantile(share: number): number;
}

export function lengthCounts(): LengthCounts {
  const counts = new Map<number, number>();
  let total = 0;
  return {
    add(length) {
      counts.set(length, (counts.get(length) ?? 0) + 1);
      total++;
    },
    quantile(share) {
      const rank = Math.max(1, Math.ceil(share * total));
      let seen = 0;
      for (const [length, count] of [...counts].toSorted(([a], [b]) => a - b)) {
        seen += count;
        if (seen >= rank) return length;
      }
      return 0;
    },
  };
}
