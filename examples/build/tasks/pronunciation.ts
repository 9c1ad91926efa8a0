import { hashOrder } from '../hash-order.ts';
import type { CompletionRow, Task } from './task-rows.ts';

const trainRows = 12000;
const heldOutRows = 400;
const lettersMin = 3;
const lettersMax = 10;

/**
 * Task 2: a word spelt letter by letter -> its ARPABET phonemes, without stress marks. Only words that `known` has (the pronouncing
 * dictionary is largely surnames). A training word never is a held-out word with an ending added or taken away.
 */
export function pronunciationTask(
  pronunciations: ReadonlyMap<string, string>,
  known: ReadonlySet<string>,
): Task<CompletionRow> {
  const words = [...pronunciations.keys()].filter(
    (word) => word.length >= lettersMin && word.length <= lettersMax && known.has(word),
  );
  const order = hashOrder('pronunciation', words, (word) => word);
  const heldOut = order.slice(0, heldOutRows);
  const heldOutFamilies = new Set(heldOut.flatMap(family));
  const train = order
    .slice(heldOutRows)
    .filter((word) => !family(word).some((form) => heldOutFamilies.has(form)))
    .slice(0, trainRows);
  const toRow = (word: string): CompletionRow => ({
    prompt: `Pronounce ${word.split('').join(' ')} :`,
    completion: ` ${pronunciations.get(word) ?? ''}`,
  });
  return { train: train.map(toRow), heldOut: heldOut.map(toRow) };
}

/** The word and what is left of it without a common ending. */
export function family(word: string): string[] {
  const stem = word.replace(/(?:ness|ing|est|ers|er|ies|es|ed|ly|s|d|y|e)$/, '');
  return stem.length < 3 ? [word] : [word, stem];
}
