import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstPlaces } from './first-places.ts';

test('of equal texts the first place is told, however many others come between', () => {
  const places = firstPlaces();
  for (let i = 1; i <= 20_000; i++) expect(places.firstOf(`row ${i}`, i)).toBeUndefined();
  for (let i = 1; i <= 20_000; i++) expect(places.firstOf(`row ${i}`, 20_000 + i)).toBe(i);
});

test('as a map would tell it', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 3000, size: 'max' }), (texts) => {
      const places = firstPlaces();
      const map = new Map<string, number>();
      for (const [i, text] of texts.entries()) {
        expect(places.firstOf(text, i + 1)).toBe(map.get(text));
        if (!map.has(text)) map.set(text, i + 1);
      }
    }),
    { numRuns: 50 },
  );
});
