import { pathToFileURL } from 'node:url';
import { packageFile } from './package-file.ts';

/** Word -> ARPABET phonemes without stress marks, first pronunciation of each word of the CMU dictionary. */
export async function readPronunciations(): Promise<Map<string, string>> {
  const url = pathToFileURL(packageFile('cmu-pronouncing-dictionary', 'index.js')).href;
  const { dictionary } = (await import(url)) as { dictionary: Record<string, string> }; // the package's only export
  return new Map(
    Object.entries(dictionary)
      .filter(([word]) => /^[a-z]+$/.test(word)) // "word(2)" is a further pronunciation
      .map(([word, phonemes]) => [word, withoutStress(phonemes)]),
  );
}

const withoutStress = (phonemes: string): string =>
  phonemes
    .replace(/\s*#.*$/, '')
    .replaceAll(/\d/g, '')
    .trim();
