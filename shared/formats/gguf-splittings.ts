/** How a text is cut before merging, in the words of `tokenizer.json`. */
export interface GgufSplitting {
  readonly preTokenizer: object;
  readonly normalizer?: object;
  readonly ignoreMerges?: boolean;
}

const byteLevel = (use_regex: boolean): object => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex,
});

const split = (Regex: string): object => ({
  type: 'Sequence',
  pretokenizers: [{ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false }, byteLevel(false)],
});

const plainSplitting: GgufSplitting = { preTokenizer: byteLevel(true) };
const llama3Splitting: GgufSplitting = {
  preTokenizer: split(
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ),
  ignoreMerges: true,
};

/** The rules by the name GGUF gives them. Source: llama.cpp, `llama-vocab.cpp`. */
export const ggufSplittings: Readonly<Record<string, GgufSplitting>> = {
  default: plainSplitting,
  'gpt-2': plainSplitting,
  // Every digit by itself, then GPT-2's rule. A pattern rather than the type "Digits", which JavaScript reads as 0-9 alone.
  smollm: {
    preTokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: String.raw`\p{N}` }, behavior: 'Isolated', invert: false },
        byteLevel(true),
      ],
    },
  },
  'llama-bpe': llama3Splitting,
  llama3: llama3Splitting,
  'llama-v3': llama3Splitting,
  qwen2: {
    normalizer: { type: 'NFC' },
    preTokenizer: split(
      String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    ),
  },
};

/** Kinds of tokens in `tokenizer.ggml.token_type`. Source: llama.cpp, `llama.h` (`enum llama_token_type`). */
export const ggufTokenKinds = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5 } as const;

/**
 * The rule by which GGUF splits as the `pre_tokenizer` and `normalizer` of a `tokenizer.json` do; undefined where none of those known
 * is the same. `default` is never given: llama.cpp splits by a rule of its own under that name.
 */
export function ggufSplittingOf(preTokenizer: unknown, normalizer: unknown): string | undefined {
  const wanted = stepsOf(preTokenizer);
  return writtenSplittings.find((name) => {
    const known = ggufSplittings[name];
    const normalized = (normalizer ?? null) === null || jsonOf(normalizer) === jsonOf(known?.normalizer);
    return normalized && stepsOf(known?.preTokenizer) === wanted;
  });
}

const writtenSplittings = ['gpt-2', 'smollm', 'llama-bpe', 'qwen2'] as const;

type Entry = Readonly<Record<string, unknown>>;

/** One text for all spellings of the same steps. */
function stepsOf(preTokenizer: unknown): string {
  if (typeof preTokenizer !== 'object' || preTokenizer === null) return jsonOf(preTokenizer);
  const entry = preTokenizer as Entry;
  const { type, pretokenizers, pattern, behavior, invert } = entry;
  if (type === 'Sequence' && Array.isArray(pretokenizers)) return pretokenizers.map(stepsOf).join(' | ');
  if (type === 'Digits' && entry['individual_digits'] === true) return String.raw`split \p{N}`;
  if (type === 'ByteLevel' && entry['add_prefix_space'] !== true)
    return entry['use_regex'] === false ? 'bytes' : 'words, bytes';
  const regex = typeof pattern === 'object' && pattern !== null ? (pattern as Entry)['Regex'] : undefined;
  if (type === 'Split' && typeof regex === 'string' && behavior === 'Isolated' && invert !== true)
    return `split ${regex}`;
  return jsonOf(preTokenizer);
}

const jsonOf = (value: unknown): string => JSON.stringify(value) ?? 'nothing';
