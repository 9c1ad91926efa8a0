import { byteAlphabet, type Merge } from './train-bpe.ts';

/** Ids 0 to 3, in this order. */
export const specialTokens = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|pad|>'] as const;
export const [endOfText, turnStart, turnEnd, padding] = specialTokens;

export const vocabularySize = 2048;
/** Symbols made by merges. */
export const mergedSymbols = vocabularySize - specialTokens.length - 256;

/** A `tokenizer.json` for byte-level BPE: special tokens, the 256 bytes, then the merged symbols in the order they were learnt. */
export function tokenizerJson(merges: readonly Merge[]): unknown {
  const merged = new Set(merges.map(([left, right]) => left + right));
  const entries = [...specialTokens, ...byteAlphabet(), ...merged];
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(entries.map((token, id) => [token, id])),
      merges,
    },
  };
}

const chatTemplate = [
  '{%- for message in messages -%}',
  "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}",
  '{%- endfor -%}',
  "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}",
].join('\n');

/** A `tokenizer_config.json` with the chat template; no token is put before a text. */
export function tokenizerConfig(positionsMax: number): unknown {
  return {
    add_bos_token: false,
    add_prefix_space: false,
    bos_token: null,
    chat_template: chatTemplate,
    clean_up_tokenization_spaces: false,
    eos_token: endOfText,
    model_max_length: positionsMax,
    pad_token: padding,
    tokenizer_class: 'PreTrainedTokenizerFast',
    unk_token: null,
  };
}
