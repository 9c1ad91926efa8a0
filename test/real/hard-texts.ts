/** Texts on which tokenizers part: spaces, digits, contractions, code, other scripts, composed letters, emoji. */
export const hardTexts: readonly string[] = [
  "I'll say it's 12345 o'clock, won't you?  Two  spaces,\ttabs\n\n\nand lines. ",
  '  def f(x):\n        return {"a": [1, 2.50, 3e-7]}  # note\n',
  'Straße, naïve café, e\u0301 and é, Ελληνικά, русский текст, 日本語の文章, 한국어, עברית, हिन्दी',
  '👩‍👩‍👧‍👦 🇫🇷 ½ ² ﬁ … “quoted” — dash–dash \u00a0 \u200b zero width',
  'https://example.org/a_b?c=%20&d=1#frag CamelCase snake_case SHOUTING 1,000,000.00 0x1F',
];
