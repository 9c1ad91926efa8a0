/** The words that byte-level BPE never merges across: GPT-2's pattern, which `ByteLevel` with `use_regex` stands for. */
const wordPattern = /'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** How often each word occurs in the texts; special tokens are left out. */
export function countWords(texts: Iterable<string>, specialTokens: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  const specials = new RegExp(specialTokens.map((token) => token.replaceAll('|', '\\|')).join('|'), 'g');
  for (const text of texts)
    for (const part of text.split(specials))
      for (const [word] of part.matchAll(wordPattern)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
