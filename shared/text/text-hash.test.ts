import fc from 'fast-check';
import { expect, test } from 'vitest';
import { textHash } from './text-hash.ts';

test('equal texts have one hash, and small differences another', () => {
  expect(textHash('')).toBe(textHash(''));
  const hashes = new Set<string>();
  let count = 0;
  for (const base of ['', 'a', 'the same words in every row but one', '\u0000'])
    for (let unit = 0; unit < 2000; unit++)
      for (const text of [base + String.fromCharCode(unit), String.fromCharCode(unit) + base + unit]) {
        hashes.add(textHash(`${count}${text}`));
        count++;
      }
  expect(hashes.size).toBe(count);
});

test('texts that differ have hashes that differ', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      expect(textHash(a) === textHash(b)).toBe(a === b);
    }),
    { numRuns: 2000 },
  );
});
