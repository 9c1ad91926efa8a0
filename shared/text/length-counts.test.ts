import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lengthCounts } from './length-counts.ts';

test('quantiles are those of the sorted lengths, by nearest rank', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1 }), fc.constantFrom(0, 0.05, 0.5, 0.95, 1), (lengths, share) => {
      const counts = lengthCounts();
      for (const length of lengths) counts.add(length);
      const sorted = lengths.toSorted((a, b) => a - b);
      expect(counts.quantile(share)).toBe(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]);
    }),
  );
  expect(lengthCounts().quantile(0.5)).toBe(0);
});
