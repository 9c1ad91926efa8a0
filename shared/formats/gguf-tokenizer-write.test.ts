import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors.ts';
import type { GgufMetadata, GgufValueToWrite } from './gguf-metadata-write.ts';
import { ggufSplittingOf, ggufSplittings } from './gguf-splittings.ts';
import { tokenizerToGguf, type GgufTokenizerInput } from './gguf-tokenizer-write.ts';
import { tokenizerFromGguf } from './gguf-tokenizer.ts';
import type { GgufValue } from './gguf-types.ts';

const token = (id: number, content: string, special: boolean): object => ({ id, content, special });
const tokenizerJson = {
  added_tokens: [token(0, '<s>', true), token(1, '</s>', true), token(5, '<extra>', false), token(7, '<|end|>', true)],
  normalizer: null,
  pre_tokenizer: ggufSplittings['smollm']?.preTokenizer,
  model: { type: 'BPE', vocab: { '<s>': 0, '</s>': 1, a: 2, b: 3, ab: 4 }, merges: [['a', 'b']] },
};
const good: GgufTokenizerInput = {
  tokenizerJson,
  tokenizerConfig: { bos_token: '<s>', eos_token: { content: '</s>' }, pad_token: null },
  chatTemplate: '{{ messages }}',
  addsBos: true,
  endIds: [1, 7],
  vocabSize: 9,
};

const write = (change: Partial<GgufTokenizerInput> = {}): GgufMetadata => tokenizerToGguf({ ...good, ...change });
const withModel = (model: object, more: object = {}): Partial<GgufTokenizerInput> => ({
  tokenizerJson: { ...tokenizerJson, ...more, model: { ...tokenizerJson.model, ...model } },
});

function findingsOf(change: Partial<GgufTokenizerInput>): string[] {
  try {
    write(change);
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    expect(error.code).toBe('gguf-tokenizer');
    return error.findings.map(({ where }) => where ?? '');
  }
}

const plain = (value: GgufValueToWrite | undefined): GgufValue =>
  typeof value !== 'object' ? (value ?? '') : value.type === 'array' ? (value.values as GgufValue[]) : value.value;

describe('tokenizerToGguf refuses', () => {
  it.each<[string, Partial<GgufTokenizerInput>, string[]]>([
    ['word pieces by name', withModel({ type: 'WordPiece' }), ['tokenizer.json: model']],
    ['SentencePiece vocabularies', withModel({ byte_fallback: true }), ['tokenizer.json: model']],
    [
      'an unknown splitting rule',
      withModel({}, { pre_tokenizer: { type: 'Whitespace' } }),
      ['tokenizer.json: pre_tokenizer'],
    ],
    [
      'a space before every text',
      withModel({}, { pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true } }),
      ['tokenizer.json: pre_tokenizer'],
    ],
    [
      'a normaliser that GGUF has not',
      withModel({}, { normalizer: { type: 'NFKC' } }),
      ['tokenizer.json: pre_tokenizer'],
    ],
    ['merges that the rule ignores', withModel({ ignore_merges: true }), ['tokenizer.json: model.ignore_merges']],
    ['merges of three', withModel({ merges: ['a b a'] }), ['tokenizer.json: model.merges']],
    [
      'two tokens of one id, and ids past the embedding',
      { ...withModel({ vocab: { a: 0, b: 9 } }) },
      ['tokenizer.json', 'tokenizer.json'],
    ],
    ['special tokens that are none', { tokenizerConfig: { eos_token: '<e>' } }, ['tokenizer_config.json: eos_token']],
  ])('%s', (_, change, expected) => {
    expect(findingsOf(change)).toEqual(expected);
  });
});

describe('tokenizerToGguf', () => {
  it('writes what our reader makes the same tokenizer of', () => {
    const metadata = new Map(Object.entries(write()).map(([key, value]) => [key, plain(value)]));
    const { tokenizerJson: back, tokenizerConfig, tokenIds } = tokenizerFromGguf(metadata, 9, 'm.gguf');
    expect(back).toMatchObject({
      pre_tokenizer: tokenizerJson.pre_tokenizer,
      added_tokens: tokenizerJson.added_tokens,
      model: { vocab: tokenizerJson.model.vocab, merges: ['a b'] },
    });
    expect(tokenizerConfig).toMatchObject({
      bos_token: '<s>',
      eos_token: '</s>',
      chat_template: '{{ messages }}',
      add_bos_token: true,
    });
    expect(tokenIds).toEqual({ bos_token_id: 0, eos_token_id: [1, 7] });
  });

  it('fills rows of the embedding that have no token, and marks them unused', () => {
    const metadata = write();
    expect(plain(metadata['tokenizer.ggml.tokens'])).toEqual([
      '<s>',
      '</s>',
      'a',
      'b',
      'ab',
      '<extra>',
      '[PAD6]',
      '<|end|>',
      '[PAD8]',
    ]);
    expect(plain(metadata['tokenizer.ggml.token_type'])).toEqual([3, 3, 1, 1, 1, 4, 5, 3, 5]);
  });

  it('takes the end of a text from the configs where the tokenizer names none', () => {
    const metadata = write({ tokenizerConfig: {}, addsBos: false, chatTemplate: undefined });
    expect(plain(metadata['tokenizer.ggml.eos_token_id'])).toBe(1);
    expect(plain(metadata['tokenizer.ggml.eot_token_id'])).toBe(7);
    expect(metadata).not.toHaveProperty(['tokenizer.chat_template']);
  });
});

describe('ggufSplittingOf', () => {
  it('knows each rule it is written with, and never says "default"', () => {
    const names = Object.entries(ggufSplittings).map(([name, { preTokenizer, normalizer }]) => [
      name,
      ggufSplittingOf(preTokenizer, normalizer),
    ]);
    expect(Object.fromEntries(names)).toEqual({
      default: 'gpt-2',
      'gpt-2': 'gpt-2',
      smollm: 'smollm',
      'llama-bpe': 'llama-bpe',
      llama3: 'llama-bpe',
      'llama-v3': 'llama-bpe',
      qwen2: 'qwen2',
    });
  });

  it('reads the spelling of the published SmolLM2', () => {
    const pretokenizers = [
      { type: 'Digits', individual_digits: true },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    ];
    expect(ggufSplittingOf({ type: 'Sequence', pretokenizers }, null)).toBe('smollm');
  });
});
