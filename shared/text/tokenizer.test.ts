import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteTokenizer, sentencePieceTokenizer } from '../../test/support/small-tokenizers.ts';
import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';
import { streamingDecoder } from './streaming-decoder.ts';
import { loadTokenizer, type TextTokenizer } from './tokenizer.ts';

const special = ['<|start|>', '<|end|>', '<|end|>more'];
const bytes = loadTokenizer({
  tokenizerJson: byteTokenizer({
    special,
    bos: '<|start|>',
    merges: [
      ['a', 'b'],
      ['Ġ', 'ab'],
      ['Ċ', 'Ċ'],
    ],
  }),
  tokenizerConfig: { bos_token: { content: '<|start|>', lstrip: false }, eos_token: '<|end|>' },
});
const pieces = loadTokenizer({
  tokenizerJson: sentencePieceTokenizer(),
  tokenizerConfig: { bos_token: '<s>', eos_token: '</s>', clean_up_tokenization_spaces: true },
});
const texts = (tokenizer: TextTokenizer, ids: readonly number[]): string[] => ids.map((id) => tokenizer.decode([id]));

function refusal(tokenizerJson: unknown, tokenizerConfig: unknown): string[] {
  try {
    loadTokenizer({ tokenizerJson, tokenizerConfig });
  } catch (error) {
    if (error instanceof DomainError) return error.findings.map(({ where, message }) => `${where} ${message}`);
    throw error;
  }
  return [];
}

test('files that hold no tokenizer are refused with everything that is wrong', () => {
  expect(refusal({}, { bos_token: 7, add_bos_token: 'yes' })).toHaveLength(3);
  expect(refusal(null, [])).toHaveLength(2);
  expect(refusal([], {})).toHaveLength(1);
  expect(refusal(byteTokenizer({}), { eos_token: '<|end|>' })).toEqual([
    'tokenizer_config.json: eos_token names "<|end|>", which is no token of tokenizer.json',
  ]);
  expect(() =>
    loadTokenizer({
      tokenizerJson: { model: { vocab: {}, type: 'BPE', merges: [] }, decoder: { type: 'Other' } },
      tokenizerConfig: {},
    }),
  ).toThrow(/tokenizer\.json cannot be loaded/);
});

test('special tokens are found in either spelling, with what the tokenizer does about the first one', () => {
  expect(bytes.bos).toEqual({ text: '<|start|>', id: 259 });
  expect(bytes.eos).toEqual({ text: '<|end|>', id: 260 });
  expect(bytes.vocabSize).toBe(262);
  expect(bytes.addsBos).toBe(true);
  expect(
    loadTokenizer({ tokenizerJson: byteTokenizer({ special }), tokenizerConfig: { bos_token: '<|start|>' } }).addsBos,
  ).toBe(false);
  const told = { bos_token: '<|start|>', add_bos_token: true, eos_token: null };
  expect(loadTokenizer({ tokenizerJson: byteTokenizer({ special }), tokenizerConfig: told })).toMatchObject({
    addsBos: true,
    eos: undefined,
  });
  const denied = { bos_token: '<|start|>', add_bos_token: false };
  expect(
    loadTokenizer({ tokenizerJson: byteTokenizer({ special, bos: '<|start|>' }), tokenizerConfig: denied }).addsBos,
  ).toBe(false);
});

test('special tokens in a text are recognised, the longest first, and none are added', () => {
  expect(texts(bytes, bytes.encode('ab<|end|>more<|end|>'))).toEqual(['ab', '<|end|>more', '<|end|>']);
  expect(bytes.encode('')).toEqual([]);
  expect(bytes.idOf('<|end|>')).toBe(260);
  expect(bytes.idOf('nothing')).toBeUndefined();
});

test('decoding leaves out ids that no token has, and special tokens when asked to', () => {
  expect(bytes.decode([])).toBe('');
  expect(bytes.decode([99_999, ...bytes.encode('ab'), -1, 262])).toBe('ab');
  expect(bytes.decode(bytes.encode('<|start|>ab<|end|>'), { skipSpecialTokens: true })).toBe('ab');
  // nothing is tidied up, whatever the config says
  expect(pieces.decode(pieces.encode("it is n't so , ok ?"))).toBe("it is n't so , ok ?");
});

test('a text that continues another gets no space of its own', () => {
  const prompt = pieces.encode('go on[/x]');
  expect(texts(pieces, pieces.encode('and'))[0]).toBe('a'); // "▁a", of which decoding takes the space
  expect([...prompt, ...pieces.encodeAfter(prompt.at(-1), 'and')]).toEqual(pieces.encode('go on[/x]and'));
  expect([...prompt, ...pieces.encodeAfter(prompt.at(-1), ' and')]).toEqual(pieces.encode('go on[/x] and'));
  expect([...prompt, ...pieces.encodeAfter(prompt.at(-1), '\nand')]).toEqual(pieces.encode('go on[/x]\nand'));
  const turn = pieces.encode('yes</s>');
  expect([...turn, ...pieces.encodeAfter(turn.at(-1), 'no')]).toEqual(pieces.encode('yes</s>no'));
  expect(pieces.encodeAfter(5, '')).toEqual([]);
  // where a tokenizer adds no space there is nothing to take away
  expect(bytes.encodeAfter(bytes.idOf('a'), '\n\nab')).toEqual(bytes.encode('\n\nab'));
});

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n', '<|end|>', '👋🏽', 'é') }),
);

test('any text comes back from its tokens', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(bytes.decode(bytes.encode(text))).toBe(text);
    }),
  );
  // the first space is the one that encoding puts there, and the sign it is written with cannot be told from it
  fc.assert(
    fc.property(
      anyText.map((text) => text.replaceAll(/<\|end\|>|▁/g, '')),
      (text) => {
        expect(pieces.decode(pieces.encode(text))).toBe(text);
      },
    ),
  );
});

test('a prompt and what follows it, encoded apart, are the whole text', () => {
  for (const tokenizer of [bytes, pieces])
    fc.assert(
      fc.property(anyText, anyText, (start, rest) => {
        const first = tokenizer.encode(start);
        const all = tokenizer.decode([...first, ...tokenizer.encodeAfter(first.at(-1), rest)]);
        if (start !== '' && !`${start}${rest}`.includes('<|end|>')) expect(all).toBe(start + rest);
      }),
    );
});

test('streamed pieces are the decoded whole and never break a character', () => {
  for (const tokenizer of [bytes, pieces])
    fc.assert(
      fc.property(anyText, (text) => {
        const ids = tokenizer.encode(text);
        const decoder = streamingDecoder(tokenizer);
        const streamed = ids.map((id) => decoder.push(id));
        expect([...streamed, decoder.end()].join('')).toBe(tokenizer.decode(ids));
        if (!text.includes('\uFFFD')) expect(streamed.join('')).not.toContain('\uFFFD');
      }),
    );
});

test('a stream that ends within a character shows that', () => {
  const decoder = streamingDecoder(bytes);
  const ids = bytes.encode('é👋').slice(0, -1);
  expect(ids.map((id) => decoder.push(id)).join('|')).toBe('|é|||');
  expect(decoder.end()).toBe('\uFFFD');
  expect(decoder.end()).toBe('');
});

test('a stream leaves special tokens out when asked to', () => {
  const decoder = streamingDecoder(bytes, { skipSpecialTokens: true });
  expect(bytes.encode('ab<|end|> ab').map((id) => decoder.push(id))).toEqual(['ab', '', ' ab']);
});

test('ids below the limit are those of tokens, and a larger one is refused before a list as long as that is made', () => {
  const withId = (id: number): unknown => {
    const json = byteTokenizer({}) as { model: { vocab: Record<string, number> } };
    return { ...json, model: { ...json.model, vocab: { ...json.model.vocab, more: id } } };
  };
  const load = (id: number) => loadTokenizer({ tokenizerJson: withId(id), tokenizerConfig: {} });
  expect(load(limits.vocabularyMax - 1).vocabSize).toBe(limits.vocabularyMax);
  for (const id of [limits.vocabularyMax, 2 ** 31, -1, 0.5]) expect(() => load(id)).toThrow(DomainError);
});

test('a file that the library stumbles over is refused by its name', () => {
  const json = byteTokenizer({ special: ['<s>'], bos: '<s>' }) as object;
  const broken = { ...json, post_processor: { type: 'TemplateProcessing', single: [0], pair: [], special_tokens: {} } };
  expect(() => loadTokenizer({ tokenizerJson: broken, tokenizerConfig: {} }).encode('a')).toThrow(/tokenizer\.json/);
});
