import { hashFraction, hashOrder } from '../hash-order.ts';
import type { Document } from '../sources/books.ts';
import type { Country } from '../sources/countries.ts';
import type { Synset } from '../sources/wordnet.ts';
import { conversations } from './conversations.ts';
import { dictionaryEntry } from './dictionary-entry.ts';
import { packPieces, splitText } from './split-text.ts';

export interface CorpusSources {
  readonly addresses: readonly Document[];
  readonly chapters: readonly Document[];
  readonly countries: readonly Country[];
  /** Synsets that no task uses. */
  readonly synsets: readonly Synset[];
}

/** What the base is trained on and what it is measured on, before it is cut into rows. */
export interface BaseCorpus {
  readonly train: CorpusSources;
  readonly heldOut: Pick<CorpusSources, 'addresses' | 'chapters' | 'synsets'>;
}

const heldOutAddresses = 5;
const heldOutChapters = 4;
const heldOutEntries = 200;
/** Of a held-out address only the beginning is kept, so that five of them fit; the rest is used nowhere. */
const heldOutCharsMax = 12_000;

/** Holds out whole documents, drawn by hash: the rest is trained on. */
export function splitCorpus(sources: CorpusSources): BaseCorpus {
  const onceAYear = sources.addresses.filter(
    ({ name }) => sources.addresses.filter((other) => other.name.slice(0, 4) === name.slice(0, 4)).length === 1,
  ); // some years have a spoken and a written version of one address
  const [addresses, chapters, entries] = [
    hashOrder('held-out address', onceAYear, ({ name }) => name).slice(0, heldOutAddresses),
    hashOrder('held-out chapter', sources.chapters, ({ name }) => name).slice(0, heldOutChapters),
    hashOrder('held-out entry', sources.synsets, dictionaryEntry).slice(0, heldOutEntries),
  ];
  const without = <T>(items: readonly T[], heldOut: readonly T[]): T[] => {
    const out = new Set(heldOut);
    return items.filter((item) => !out.has(item));
  };
  return {
    train: {
      ...sources,
      addresses: without(sources.addresses, addresses),
      chapters: without(sources.chapters, chapters),
      synsets: without(sources.synsets, entries),
    },
    heldOut: {
      addresses: addresses.map(({ name, text }) => ({ name, text: beginning(text) })),
      chapters: chapters.map(({ name, text }) => ({ name, text: beginning(text) })),
      synsets: entries,
    },
  };
}

function beginning(text: string): string {
  let kept = '';
  for (const piece of splitText(text)) {
    if (kept.length + piece.length > heldOutCharsMax) break;
    kept += piece;
  }
  return kept;
}

/** All texts of a side uncut, for learning the vocabulary. */
export function wholeTexts({ addresses, chapters, synsets }: BaseCorpus['heldOut']): string[] {
  return [...addresses.map(({ text }) => text), ...chapters.map(({ text }) => text), ...synsets.map(dictionaryEntry)];
}

/** Length of most rows in tokens, and of the rest, which teach the whole context: attention costs the square of the length. */
export interface RowLengths {
  readonly usualTokens: number;
  readonly longTokens: number;
}

/** Of all documents, how many are cut into long rows. */
const longShare = 0.25;

/** Rows of plain text: passages of one document, or some entries of the dictionary. */
export function proseRows(
  { addresses, chapters, synsets }: BaseCorpus['heldOut'],
  countTokens: (text: string) => number,
  { usualTokens, longTokens }: RowLengths,
): string[] {
  const passages = [...addresses, ...chapters].flatMap(({ name, text }) =>
    packPieces(splitText(text), countTokens, hashFraction('long rows', name) < longShare ? longTokens : usualTokens),
  );
  return [...passages, ...packPieces(synsets.map(dictionaryEntry), countTokens, usualTokens)];
}

/** The training rows in the order they are stored: prose and conversations mixed by hash. */
export function trainingRows(
  sources: CorpusSources,
  countTokens: (text: string) => number,
  lengths: RowLengths,
): { readonly rows: readonly string[]; readonly conversations: readonly string[] } {
  const talk = conversations({ ...sources, documents: [...sources.addresses, ...sources.chapters], countTokens });
  const talkRows = talk.filter((row) => countTokens(row) <= lengths.longTokens);
  const rows = hashOrder('training rows', [...proseRows(sources, countTokens, lengths), ...talkRows], (row) => row);
  return { rows, conversations: talkRows };
}
