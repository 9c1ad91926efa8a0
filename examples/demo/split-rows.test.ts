import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitRows } from './split-rows.ts';

const identity = (row: string): string => row;
const rows = Array.from({ length: 200 }, (_, i) => `row ${i}`);

describe('splitRows', () => {
  it('holds out the share asked for and keeps the order of the file', () => {
    const { train, heldOut } = splitRows(rows, identity, { share: 0.1, seed: 's' });
    expect(heldOut).toHaveLength(20);
    expect(train).toHaveLength(180);
    expect(train).toEqual(rows.filter((row) => train.includes(row)));
  });

  it('draws the same rows in whatever order they come, and others with another seed', () => {
    const drawn = (list: readonly string[], seed: string): string[] =>
      splitRows(list, identity, { share: 0.1, seed }).heldOut.toSorted();
    expect(drawn(rows.toReversed(), 's')).toEqual(drawn(rows, 's'));
    expect(drawn(rows, 'other')).not.toEqual(drawn(rows, 's'));
  });

  it('puts rows that ask the same on the same side, and leaves some on each whenever it can', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(8), { minLength: 2, maxLength: 60 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (numbers, share) => {
          const asked = numbers.map((number, i) => ({ question: String(number), i }));
          const { train, heldOut } = splitRows(asked, ({ question }) => question, { share, seed: 's' });
          expect(train.length + heldOut.length).toBe(asked.length);
          const trained = new Set(train.map(({ question }) => question));
          expect(heldOut.filter(({ question }) => trained.has(question))).toEqual([]);
          const several = new Set(numbers).size > 1;
          expect(train.length).toBeGreaterThan(0);
          expect(heldOut.length > 0).toBe(several);
        },
      ),
    );
  });
});
