import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packPieces, splitText } from './split-text.ts';

describe('splitText', () => {
  it('cuts after sentences and keeps every character', () => {
    expect(splitText('One. "Two!" Three?\n\nFour')).toEqual(['One.', ' "Two!"', ' Three?\n\n', 'Four']);
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(splitText(text).join('')).toBe(text);
      }),
    );
  });
});

describe('packPieces', () => {
  const length = (text: string): number => text.length;

  it('fills rows up to the bound and no further', () => {
    expect(packPieces(['aa', 'bb', 'c'], length, 4)).toEqual(['aabb', 'c']);
    expect(packPieces(['aa', 'bb', 'c'], length, 5)).toEqual(['aabbc']);
  });

  it('cuts a piece that is longer than a row between words', () => {
    expect(packPieces(['one two three', '!'], length, 7)).toEqual(['one two', 'three!']);
  });
});
