import fc from 'fast-check';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { countWords } from './count-words.ts';
import { specialTokens, tokenizerConfig, tokenizerJson } from './tokenizer-files.ts';
import { applyMerge, byteAlphabet, trainBpe } from './train-bpe.ts';

describe('trainBpe', () => {
  it('joins the most frequent pair first, weighted by the counts of the words', () => {
    const merges = trainBpe(new Map([['hug', 10], ['pug', 5], ['pun', 12], ['bun', 4], ['hugs', 5]]), 3); // prettier-ignore
    expect(merges).toEqual([['u', 'g'], ['u', 'n'], ['h', 'ug']]); // prettier-ignore
  });

  it('breaks ties in code-point order, so that the order of the words does not matter', () => {
    expect(trainBpe(new Map([['zy', 2], ['ab', 2]]), 1)).toEqual([['a', 'b']]); // prettier-ignore
    expect(trainBpe(new Map([['ab', 2], ['zy', 2]]), 1)).toEqual([['a', 'b']]); // prettier-ignore
  });

  it('stops when no pair occurs twice', () => {
    expect(trainBpe(new Map([['abc', 1]]), 10)).toEqual([]);
  });

  it('merges overlapping pairs from the left', () => {
    expect(applyMerge(['a', 'a', 'a'], ['a', 'a'])).toEqual(['aa', 'a']);
  });

  it('has a printable stand-in for every byte, all different', () => {
    const alphabet = byteAlphabet();
    expect(new Set(alphabet).size).toBe(256);
    expect(alphabet[32]).toBe('Ġ');
    expect(alphabet.join('')).not.toMatch(/\s/);
  });
});

describe('tokenizerJson', () => {
  const texts = ['the cat sat on the mat, the cat sat\n', 'über the mat <|im_end|>'];
  const merges = trainBpe(countWords(texts, specialTokens), 30);
  const tokenizer = new Tokenizer(tokenizerJson(merges), tokenizerConfig(64));

  it('gives back any text it has encoded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
        const { ids } = tokenizer.encode(text, { add_special_tokens: false });
        const decoded = tokenizer.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
        expect(decoded).toBe(text);
      }),
    );
  });

  it('keeps special tokens whole and gives them the first ids', () => {
    expect(
      tokenizer.encode('<|im_start|>the<|im_end|>', { add_special_tokens: false }).ids.map((id: number) => id < 4),
    ).toEqual([true, false, true]);
  });

  it('learns nothing from special tokens', () => {
    expect([...countWords(['<|im_start|>a<|pad|>'], specialTokens)]).toEqual([['a', 1]]);
  });
});
