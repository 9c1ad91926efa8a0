import fc from 'fast-check';
import { expect, test } from 'vitest';
import { textHash } from './text-hash.ts';

const hashOf = (text: string): string => textHash(text).join();

test('equal texts have one hash, and small differences another', () => {
  expect(hashOf('')).toBe(hashOf(''));
  const hashes = new Set<string>();
  let count = 0;
  for (const base of ['', 'a', 'the same words in every row but one', '\u0000'])
    for (let unit = 0; unit < 2000; unit++)
      for (const text of [base + String.fromCharCode(unit), String.fromCharCode(unit) + base + unit]) {
        hashes.add(hashOf(`${count}${text}`));
        count++;
      }
  expect(hashes.size).toBe(count);
});

test('texts that differ have hashes that differ', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      expect(hashOf(a) === hashOf(b)).toBe(a === b);
    }),
    { numRuns: 2000 },
  );
});
