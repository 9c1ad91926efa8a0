import { describe, expect, it } from 'vitest';
import { parseSynset } from './wordnet.ts';

describe('parseSynset', () => {
  it('reads words, class, definition and examples', () => {
    const line =
      '00180976 20 n 02 living_thing 0 be(p) 1 001 @ 00180786 n 0000 | a living entity; one of many; "it lives"; "so does this"  ';
    expect(parseSynset('noun', line)).toEqual({
      pos: 'noun',
      lexicographer: 20,
      lemmas: ['living thing', 'be'],
      definition: 'a living entity; one of many',
      examples: ['it lives', 'so does this'],
    });
  });

  it('counts the words in hexadecimal', () => {
    const words = Array.from({ length: 10 }, (_, i) => `w${i} 0`).join(' ');
    expect(parseSynset('verb', `00000001 30 v 0a ${words} 000 | act`).lemmas).toHaveLength(10);
  });
});
