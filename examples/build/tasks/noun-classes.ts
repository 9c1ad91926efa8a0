import { hashOrder } from '../hash-order.ts';
import type { Synset } from '../sources/wordnet.ts';
import { chatRow, type ChatRow, type Task } from './task-rows.ts';

/** The noun files of WordNet's lexicographers, in their order from file 3 on: lexnames(5WN). */
export const nounClasses = [
  'tops', 'act', 'animal', 'artifact', 'attribute', 'body', 'cognition', 'communication', 'event', 'feeling', 'food', 'group',
  'location', 'motive', 'object', 'person', 'phenomenon', 'plant', 'possession', 'process', 'quantity', 'relation', 'shape', 'state',
  'substance', 'time',
] as const; // prettier-ignore

const trainRows = 7000;
const heldOutRows = 400;
/** Long definitions cost tokens and add little: nine in ten are shorter. */
const definitionCharsMax = 100;

export interface NounClassTask extends Task<ChatRow> {
  /** Synsets that no other text may use: those of both splits, and all that share a word or a definition with the held-out rows. */
  readonly reserved: ReadonlySet<Synset>;
}

/**
 * Task 1: the definition of a noun -> the class that WordNet's lexicographers filed it under. The splits share no definition, and
 * no held-out word occurs among the words of a training row.
 */
export function nounClassTask(synsets: readonly Synset[]): NounClassTask {
  const nouns = synsets.filter(({ pos, definition }) => pos === 'noun' && definition.length <= definitionCharsMax);
  const order = hashOrder(
    'noun-classes',
    uniqueBy(nouns, normalised),
    (synset) => synset.lemmas.join() + synset.definition,
  );
  const heldOut = order.slice(0, heldOutRows);
  const heldOutWords = new Set(heldOut.flatMap(lowerLemmas));
  const heldOutDefinitions = new Set(heldOut.map(normalised));
  const touchesHeldOut = (synset: Synset): boolean =>
    heldOutDefinitions.has(normalised(synset)) || lowerLemmas(synset).some((lemma) => heldOutWords.has(lemma));
  const train = order
    .slice(heldOutRows)
    .filter((synset) => !touchesHeldOut(synset))
    .slice(0, trainRows);
  const trainDefinitions = new Set(train.map(normalised));
  const reserved = synsets.filter((synset) => touchesHeldOut(synset) || trainDefinitions.has(normalised(synset)));
  return { train: train.map(toRow), heldOut: heldOut.map(toRow), reserved: new Set(reserved) };
}

const toRow = ({ definition, lexicographer }: Synset): ChatRow =>
  chatRow(`Which class: ${definition}`, nounClasses[lexicographer - 3] ?? 'tops');

const normalised = ({ definition }: Synset): string => definition.toLowerCase();

const lowerLemmas = ({ lemmas }: Synset): string[] => lemmas.map((lemma) => lemma.toLowerCase());

function uniqueBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()];
}
