import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors.ts';
import { tokenizerFromGguf } from './gguf-tokenizer.ts';
import type { GgufValue } from './gguf-types.ts';

const g = (name: string): string => `tokenizer.ggml.${name}`;
const good: Record<string, GgufValue> = {
  [g('model')]: 'gpt2',
  [g('pre')]: 'smollm',
  [g('tokens')]: ['<s>', '</s>', 'a', 'b', 'ab', '<extra>'],
  [g('token_type')]: [3, 3, 1, 1, 1, 4],
  [g('merges')]: ['a b'],
  [g('bos_token_id')]: 0,
  [g('eos_token_id')]: 1,
};

function rebuild(
  change: Record<string, GgufValue | undefined> = {},
  vocabSize = 8,
): ReturnType<typeof tokenizerFromGguf> {
  const entries = Object.entries({ ...good, ...change }).filter(
    (entry): entry is [string, GgufValue] => entry[1] !== undefined,
  );
  return tokenizerFromGguf(new Map(entries), vocabSize, 'm.gguf');
}

function findingsOf(change: Record<string, GgufValue | undefined>, vocabSize?: number): string[] {
  try {
    rebuild(change, vocabSize);
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    expect(error.code).toBe('gguf-tokenizer');
    return error.findings.map((finding) => (finding.where ?? '').replace('tokenizer.ggml.', ''));
  }
}

describe('tokenizerFromGguf refuses', () => {
  it.each<[string, Record<string, GgufValue | undefined>, string[]]>([
    ['SentencePiece vocabularies by name', { [g('model')]: 'llama' }, ['model']],
    ['a missing model', { [g('model')]: undefined }, ['model']],
    ['an unknown splitting rule', { [g('pre')]: 'deepseek-llm' }, ['pre']],
    ['an inherited name as splitting rule', { [g('pre')]: 'toString' }, ['pre']],
    ['a space before every text', { [g('add_space_prefix')]: true }, ['add_space_prefix']],
    [
      'missing tokens and merges',
      { [g('tokens')]: undefined, [g('merges')]: undefined },
      ['tokens', 'merges', 'token_type', 'bos_token_id', 'eos_token_id'],
    ],
    [
      'tokens that are no texts',
      { [g('tokens')]: [1, 2] },
      ['tokens', 'token_type', 'merges', 'bos_token_id', 'eos_token_id'],
    ],
    ['a token written twice', { [g('tokens')]: ['<s>', '</s>', 'a', 'b', 'ab', 'a'] }, ['tokens']],
    ['types of another number', { [g('token_type')]: [1] }, ['token_type']],
    ['merges that lead nowhere', { [g('merges')]: ['a b', 'a a', 'ab', 'a b a'] }, ['merges']],
    ['special tokens that are none', { [g('eos_token_id')]: 6 }, ['eos_token_id']],
  ])('%s', (_, change, expected) => {
    expect(findingsOf(change)).toEqual(expected);
  });

  it('one token more than the embedding has rows, and takes as many as it has', () => {
    expect(findingsOf({}, 6)).toEqual([]);
    expect(findingsOf({}, 5)).toEqual(['tokens']);
  });
});

describe('tokenizerFromGguf', () => {
  it('marks control tokens as special and user-defined ones as added', () => {
    const { tokenizerJson } = rebuild();
    const added = tokenizerJson['added_tokens'] as { id: number; special: boolean }[];
    expect(added.map(({ id, special }) => [id, special])).toEqual([
      [0, true],
      [1, true],
      [5, false],
    ]);
    expect(tokenizerJson['model']).toMatchObject({
      vocab: { ab: 4, '</s>': 1 },
      merges: ['a b'],
      ignore_merges: false,
    });
  });

  it('adds the first token where the file asks for it', () => {
    expect(rebuild().tokenizerConfig).toMatchObject({ add_bos_token: false, bos_token: '<s>', eos_token: '</s>' });
    expect(rebuild().tokenizerJson['post_processor']).toBeNull();
    const adding = rebuild({ [g('add_bos_token')]: true });
    expect(adding.tokenizerConfig).toMatchObject({ add_bos_token: true });
    expect(adding.tokenizerJson['post_processor']).toMatchObject({ special_tokens: { '<s>': { ids: [0] } } });
  });

  it('keeps the chat template, and both ends where a turn has its own', () => {
    expect(rebuild().tokenizerConfig).not.toHaveProperty('chat_template');
    expect(rebuild({ 'tokenizer.chat_template': '{{ x }}' }).tokenizerConfig).toMatchObject({
      chat_template: '{{ x }}',
    });
    expect(rebuild().tokenIds).toEqual({ bos_token_id: 0, eos_token_id: 1 });
    expect(rebuild({ [g('eot_token_id')]: 4 }).tokenIds).toMatchObject({ eos_token_id: [1, 4] });
  });

  it('reads whole words before merging for Llama 3, and composes characters for Qwen2', () => {
    expect(rebuild({ [g('pre')]: 'llama-bpe' }).tokenizerJson['model']).toMatchObject({ ignore_merges: true });
    expect(rebuild({ [g('pre')]: 'qwen2' }).tokenizerJson['normalizer']).toEqual({ type: 'NFC' });
  });
});
