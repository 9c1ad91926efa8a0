import type { TextTokenizer } from './tokenizer.ts';

/** Turns tokens into text as they come. */
export interface StreamingDecoder {
  /** The text that is certain now; empty while a character is still in pieces. */
  push(id: number): string;
  /** What is left at the end, unfinished characters as U+FFFD. */
  end(): string;
}

/**
 * Decodes token by token: all pieces together are what decoding all tokens at once gives, and no piece ends within a character.
 * A token is decoded together with those before it since the last certain text, because decoders treat a first token differently.
 */
export function streamingDecoder(
  tokenizer: TextTokenizer,
  options: { readonly skipSpecialTokens?: boolean } = {},
): StreamingDecoder {
  let window: number[] = [];
  /** How many tokens of the window are already written out; they stay for one round, as what the next are decoded after. */
  let written = 0;
  const rest = (): string =>
    tokenizer.decode(window, options).slice(tokenizer.decode(window.slice(0, written), options).length);
  return {
    push(id) {
      window.push(id);
      const text = rest();
      if (text === '' || text.endsWith('\uFFFD')) return '';
      window = window.slice(written);
      written = window.length;
      return text;
    },
    end() {
      const text = rest();
      [window, written] = [[], 0];
      return text;
    },
  };
}
