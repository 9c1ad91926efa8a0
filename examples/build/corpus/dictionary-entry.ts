import type { Synset } from '../sources/wordnet.ts';

/** One line of dictionary prose: words, part of speech, definition, examples. */
export function dictionaryEntry({ lemmas, pos, definition, examples }: Synset): string {
  const examplesText = examples.map((example) => ` "${example}"`).join('');
  return `${lemmas.join(', ')} (${pos}): ${definition}.${examplesText}\n`;
}
