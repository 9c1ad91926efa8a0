import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sortRange } from './sort-range.ts';

/** Few characters, so that keys and prefixes meet; among them the neighbours of the surrogates and the last one there is. */
const text = fc
  .array(fc.constantFrom('a', 'b', '%', '\u007f', 'é', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}'), {
    maxLength: 4,
  })
  .map((characters) => characters.join(''));

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

test('a range holds exactly the keys with the prefix that come after the one named', () => {
  fc.assert(
    fc.property(text, text, fc.option(text, { nil: undefined }), fc.boolean(), (key, prefix, after, reverse) => {
      const { above, from, below } = sortRange({ prefix, reverse, ...(after === undefined ? {} : { after }) });
      const inside =
        (above === undefined || compare(key, above) > 0) &&
        (from === undefined || compare(key, from) >= 0) &&
        (below === undefined || compare(key, below) < 0);
      const follows = after === undefined || (reverse ? compare(key, after) < 0 : compare(key, after) > 0);
      expect(inside).toBe(key.startsWith(prefix) && follows);
    }),
    { numRuns: 3000 },
  );
});

test('without a prefix nothing bounds the keys', () => {
  expect(sortRange({})).toEqual({});
  expect(sortRange({ prefix: 'a' })).toEqual({ from: 'a', below: 'b' });
});
